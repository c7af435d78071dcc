#!/bin/sh
# Three daemons, two subscribers and a router, each in a network of its own, joined by cables to that of the
# router, which loses and delays packets where that is asked for:
#   unshare -rmn sh apart.sh TEST_BINARY DEBLURD [NETEM…]
# Runs in the folder of the configurations. The subscribers write their accounts to NAME.told after each frame;
# it ends when both have had frames enough, or after a while, with the status of the daemons.
set -eu
binary=$1 deblurd=$2
shift 2
mount -t tmpfs tmpfs /run
ip link set lo up
at=0
for name in a b c early late; do
    at=$((at + 1))
    ip netns add $name
    ip link add name to-$name type veth peer name eth0 netns $name
    ip address add 10.9.$at.1/24 dev to-$name
    ip link set to-$name up
    ip -n $name address add 10.9.$at.2/24 dev eth0
    ip -n $name link set lo up
    ip -n $name link set eth0 up
    ip -n $name route add default via 10.9.$at.1
    if [ $# -gt 0 ]; then
        tc qdisc add dev to-$name root netem "$@"
        tc -n $name qdisc add dev eth0 root netem "$@"
    fi
done

# Roles end with their input, which this is.
mkfifo end
DEBLURD_FLEET_ROLE="router tcp/0.0.0.0:7447" "$binary" <end 2>router.told &
exec 3>end
until grep -q listening router.told; do sleep 0.1; done
daemons=
at=0
for name in a b c; do
    at=$((at + 1))
    sed "s/10.9.0.1/10.9.$at.1/" zenoh.json5 >$name.json5
    ip netns exec $name "$deblurd" run --config $name.toml 2>$name.told 3>&- &
    daemons="$daemons $!"
done
hear() { # NAME NETWORK
    DEBLURD_FLEET_ROLE="subscriber tcp/10.9.$2.1:7447" ip netns exec "$1" "$binary" <end 2>"$1.told" 3>&- &
}
has() { # NAME FRAMES: whether it has had so many of each camera
    tail -n 1 "$1.told" | tr ';' '\n' | awk -v frames="$2" '$5 >= frames { full++ } END { exit full < 3 }'
}
hear early 4
left=1200
until has early 40; do
    left=$((left - 1))
    [ $left -gt 0 ] || break
    sleep 0.1
done
hear late 5
until has early 80 && has late 40; do
    left=$((left - 1))
    [ $left -gt 0 ] || break
    sleep 0.1
done
kill -TERM $daemons
for daemon in $daemons; do wait "$daemon"; done
# What is still on its way has come when nothing more is told.
until [ "$(tail -n 1 early.told late.told)" = "${told-}" ]; do
    told=$(tail -n 1 early.told late.told)
    sleep 0.5
done
exec 3>&-
wait
