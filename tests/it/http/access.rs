//! Tokens: who must know one, how it is told, and what is open to all.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use deblurd::metrics::Metrics;
use deblurd::web::{HttpOptions, Token};

use super::{Page, bind, check_status, exchange};
use crate::harness::{apply, trial};

const TOKEN: &str = "0123456789-secret";

/// A page that other machines could reach, and the address of it that this one reaches.
fn open_page(hosts: &[&str]) -> (Page, SocketAddr) {
    let options = HttpOptions {
        listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        token: Some(Token::new(TOKEN).expect("a token")),
        hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
        ..HttpOptions::default()
    };
    let page = bind(options, Arc::new(Metrics::new(&[]))).expect("a page");
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), page.local_addr().port());
    (page, address)
}

fn ask(address: SocketAddr, path: &str, headers: &str) -> String {
    exchange(address, &format!("GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n"))
}

#[apply(trial)]
fn strangers_need_a_token() {
    let (_page, address) = open_page(&["camera.example"]);
    let host = "Host: 192.168.1.7:8080\r\n";
    let closed =
        ["/", "/page.js", "/state", "/metrics", "/frame", "/stream.mjpg", "/snapshot.png", "/no"];
    for path in closed {
        for wrong in ["", "Authorization: Bearer wrong\r\n", "Cookie: deblurd=1\r\n"] {
            let answer = ask(address, path, &format!("{host}{wrong}"));
            check_status(&answer, 401);
            assert!(answer.contains("www-authenticate: Bearer"), "{path}: {answer}");
            assert!(!answer.contains("set-cookie"), "{path}: {answer}");
        }
        check_status(&ask(address, &format!("{path}?token=wrong"), host), 401);
    }
    check_status(&ask(address, "/healthz", host), 200);
    check_status(&ask(address, "/readyz", host), 503);
    let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
    check_status(&ask(address, "/state", &format!("{host}{bearer}")), 200);
    check_status(&ask(address, &format!("/state?token={TOKEN}"), host), 200);
    check_status(&ask(address, "/no", &format!("{host}{bearer}")), 404);
    for (host, status) in [
        ("camera.example", 200),
        ("CAMERA.example:80", 200),
        ("localhost", 200),
        ("[::1]:8080", 200),
        ("evil.example", 421),
        ("camera.example.evil.example", 421),
    ] {
        check_status(&ask(address, "/state", &format!("Host: {host}\r\n{bearer}")), status);
    }
}

#[apply(trial)]
fn a_browser_keeps_a_cookie() {
    let (_page, address) = open_page(&[]);
    let host = "Host: 10.0.0.9\r\n";
    let visit = ask(address, &format!("/?token={TOKEN}"), host);
    check_status(&visit, 200);
    let cookie = visit.lines().find_map(|line| line.strip_prefix("set-cookie: "));
    let cookie = cookie.expect("a cookie");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains(TOKEN), "the cookie tells the token");
    let (pair, _) = cookie.split_once(';').expect("attributes");
    let with_cookie = format!("{host}Cookie: other=1; {pair}\r\n");
    for path in ["/", "/page.js", "/state"] {
        let answer = ask(address, path, &with_cookie);
        check_status(&answer, 200);
        assert!(answer.contains("cross-origin-resource-policy: same-origin"), "{answer:.400}");
    }
    // Only the page hands out cookies; only an address with the token may be embedded elsewhere.
    let picture = ask(address, &format!("/icon.svg?token={TOKEN}"), host);
    check_status(&picture, 200);
    assert!(!picture.contains("set-cookie"), "{picture:.400}");
    assert!(picture.contains("cross-origin-resource-policy: cross-origin"), "{picture:.400}");
}

#[apply(trial)]
fn nothing_is_served_unprotected() {
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let options =
            HttpOptions { listen: listen.parse().expect("an address"), ..HttpOptions::default() };
        let error = bind(options, Arc::new(Metrics::new(&[]))).expect_err("a refusal");
        assert!(error.to_string().contains("expected a token"), "{error}");
    }
}
