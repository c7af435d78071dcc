//! TLS with certificates on both sides, as docs/fleet.md configures it: who has one of the fleet's authority comes
//! in, and nobody else; and nobody else is taken for the router.

use std::net::TcpListener;
use std::process::Command;

use super::hosts::one;
use super::roles::configured_router;
use crate::harness::{apply, trial};
use crate::program::{Outcome, Running, Workshop};

/// Makes the authority `name`: a key and the certificate that it signs itself.
fn make_authority(workshop: &Workshop, name: &str) {
    let (key, pem, subject) = (format!("{name}.key"), format!("{name}.pem"), format!("/CN={name}"));
    let request =
        ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    openssl(workshop, &request, &["-days", "2", "-subj", &subject, "-keyout", &key, "-out", &pem]);
}

/// Makes a key of `name`, and a certificate of it that `authority` has signed.
fn make_certificate(workshop: &Workshop, name: &str, authority: &str) {
    let [key, asked, pem] = ["key", "csr", "pem"].map(|kind| format!("{name}.{kind}"));
    let subject = format!("/CN={name}");
    let request = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    openssl(workshop, &request, &["-subj", &subject, "-keyout", &key, "-out", &asked]);
    let [ca, ca_key] = ["pem", "key"].map(|kind| format!("{authority}.{kind}"));
    workshop.write("names", "subjectAltName = DNS:localhost\n");
    let sign = ["x509", "-req", "-days", "2", "-CAcreateserial", "-extfile", "names"];
    openssl(workshop, &sign, &["-in", &asked, "-CA", &ca, "-CAkey", &ca_key, "-out", &pem]);
}

#[track_caller]
fn openssl(workshop: &Workshop, what: &[&str], more: &[&str]) {
    let mut command = Command::new("openssl");
    let made = command.args(what).args(more).current_dir(workshop.path("")).output();
    let made = made.expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// A router that takes whom its authority has signed, and where the others find it.
struct Guarded {
    workshop: Workshop,
    endpoint: String,
    _router: Running,
}

impl Guarded {
    fn start() -> Self {
        let workshop = Workshop::new();
        for authority in ["ours", "theirs"] {
            make_authority(&workshop, authority);
        }
        for (name, authority) in [("router", "ours"), ("camera", "ours"), ("stranger", "theirs")] {
            make_certificate(&workshop, name, authority);
        }
        let listener = TcpListener::bind("localhost:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        drop(listener);
        let endpoint = format!("tls/localhost:{port}");
        let tls = tls(&workshop, "ours", Some(("listen", "router")));
        let router = format!("mode: 'router', listen: {{ endpoints: ['{endpoint}'] }}, {tls}");
        workshop.write("router.json5", format!("{{ {router} }}"));
        let router = configured_router(&workshop.path("router.json5"));
        Self { workshop, endpoint, _router: router }
    }

    /// Configures who connects there, believes `authority` and shows the certificate `own`.
    fn write_client(&self, name: &str, authority: &str, own: Option<&str>) {
        let tls = tls(&self.workshop, authority, own.map(|own| ("connect", own)));
        let client =
            format!("mode: 'client', connect: {{ endpoints: ['{}'] }}, {tls}", self.endpoint);
        self.workshop.write(name, format!("{{ {client} }}"));
    }

    fn list(&self, config: &str) -> Outcome {
        self.workshop.run(&["fleet", "list", "--config", config])
    }

    /// Who is configured that way sees nobody.
    #[track_caller]
    fn check_refused(&self, authority: &str, own: Option<&str>) {
        self.write_client("other.json5", authority, own);
        let told = self.list("other.json5");
        assert_eq!(told.code, Some(69), "{}{}", told.text(), told.stderr);
        assert!(!told.text().contains("gate"), "{}", told.text());
    }
}

/// What a configuration says of the transport: the authority that is believed, and the certificate that is shown
/// in the role of `own`.
fn tls(workshop: &Workshop, authority: &str, own: Option<(&str, &str)>) -> String {
    let path = |name: String| workshop.path(&name).display().to_string();
    let own = own.map(|(role, name)| {
        let [pem, key] = ["pem", "key"].map(|kind| path(format!("{name}.{kind}")));
        format!(", {role}_certificate: '{pem}', {role}_private_key: '{key}'")
    });
    let (ca, mutual, own) =
        (path(format!("{authority}.pem")), own.is_some(), own.unwrap_or_default());
    format!(
        "scouting: {{ multicast: {{ enabled: false }}, gossip: {{ enabled: false }} }}, transport: {{ link: {{ \
         tls: {{ enable_mtls: {mutual}, root_ca_certificate: '{ca}'{own} }} }} }}"
    )
}

#[apply(trial)]
#[needs(Openssl)]
fn certificates_decide_who_comes_in() {
    let guarded = Guarded::start();
    guarded.write_client("zenoh.json5", "ours", Some("camera"));
    let mut daemon = one(&guarded.workshop, "gate", "");
    daemon.wait_for("the fleet is joined");
    let told = guarded.list("zenoh.json5");
    assert_eq!(told.code, Some(0), "{}{}", told.text(), told.stderr);
    assert!(told.text().contains("gate"), "{}", told.text());
    // Without a certificate; with one of another authority; and where the router's is not of the believed one.
    guarded.check_refused("ours", None);
    guarded.check_refused("ours", Some("stranger"));
    guarded.check_refused("theirs", Some("camera"));
    daemon.signal("TERM");
    assert_eq!(daemon.finish().code, Some(0));
}
