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

/// What a browser sends for a page.
const HTML: &str = "Host: 10.0.0.9\r\nAccept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";

fn post_form(address: SocketAddr, path: &str, headers: &str, form: &str) -> String {
    let length = form.len();
    exchange(
        address,
        &format!(
            "POST {path} HTTP/1.1\r\n{headers}Content-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{form}"
        ),
    )
}

/// The cookie that an answer sets, and what it says of it.
#[track_caller]
fn cookie_of(answer: &str) -> (String, String) {
    let line = answer.lines().find_map(|line| line.strip_prefix("set-cookie: "));
    let (pair, how) = line.and_then(|line| line.split_once("; ")).expect("a cookie");
    (pair.to_owned(), how.to_owned())
}

#[apply(trial)]
fn people_get_a_form_and_programs_a_line() {
    let (_page, address) = open_page(&[]);
    for (path, back) in [("/", "."), ("/calibrate", "calibrate"), ("/target", "target")] {
        let form = ask(address, path, HTML);
        check_status(&form, 401);
        for part in ["content-type: text/html", "form-action 'self'", "action=\"login\""] {
            assert!(form.contains(part), "{path} without {part}: {form}");
        }
        assert!(form.contains(&format!("name=\"back\" value=\"{back}\"")), "{path}: {form}");
        assert!(!form.contains("set-cookie"), "{path}: {form}");
        let line = ask(address, path, "Host: 10.0.0.9\r\nAccept: */*\r\n");
        check_status(&line, 401);
        assert!(line.ends_with("or /?token=TOKEN\n") && !line.contains("<form"), "{line}");
    }
    // What the form is made of is open; what shows anything is not, even to people.
    for path in ["/page.css", "/icon.svg"] {
        check_status(&ask(address, path, "Host: 10.0.0.9\r\n"), 200);
    }
    for path in ["/state", "/snapshot.png", "/page.js"] {
        let line = ask(address, path, HTML);
        check_status(&line, 401);
        assert!(!line.contains("<form"), "{path}: {line}");
    }
}

#[apply(trial)]
fn the_form_lets_people_in() {
    let (_page, address) = open_page(&[]);
    let form = format!("back=calibrate&username=deblurd&token=+{TOKEN}%0D%0A");
    let let_in = post_form(address, "/login", HTML, &form);
    check_status(&let_in, 303);
    assert!(let_in.contains("location: calibrate\r\n"), "{let_in}");
    let (pair, how) = cookie_of(&let_in);
    assert_eq!(how, "Path=/; HttpOnly; SameSite=Strict");
    let with_cookie = format!("{HTML}Cookie: {pair}\r\n");
    check_status(&ask(address, "/calibrate", &with_cookie), 200);
    // Who is in already and comes to the form's address goes on.
    let passed = ask(address, "/login", &with_cookie);
    check_status(&passed, 303);
    assert!(passed.contains("location: .\r\n"), "{passed}");
    // Before a proxy with TLS the cookie is for TLS only.
    let encrypted = format!("{HTML}X-Forwarded-Proto: https\r\nOrigin: https://10.0.0.9\r\n");
    let (_, how) = cookie_of(&post_form(address, "/login", &encrypted, &form));
    assert_eq!(how, "Path=/; Secure; HttpOnly; SameSite=Strict");
}

#[apply(trial)]
fn wrong_forms_let_nobody_in() {
    let (_page, address) = open_page(&[]);
    for (form, why) in [
        ("token=wrong", "This is not the token."),
        ("", "Whoever set this server up has the token"),
        ("token=%ff%00&back=//evil.example", "This is not the token."),
    ] {
        let refused = post_form(address, "/login", HTML, form);
        check_status(&refused, 401);
        assert!(refused.contains(why) && refused.contains("value=\".\""), "{form}: {refused}");
        assert!(!refused.contains("set-cookie"), "{form}: {refused}");
    }
    let foreign = format!("{HTML}Origin: https://evil.example\r\n");
    check_status(&post_form(address, "/login", &foreign, &format!("token={TOKEN}")), 403);
    check_status(&post_form(address, "/login", HTML, &format!("token={}", "x".repeat(5000))), 413);
    let json = format!("{HTML}Content-Type: application/json\r\nContent-Length: 2\r\n");
    let json = format!("POST /login HTTP/1.1\r\n{json}Connection: close\r\n\r\n{{}}");
    check_status(&exchange(address, &json), 403);
    // Wrong tokens are counted wherever they are told; the right one is not looked at any more then.
    for _ in 0..30 {
        post_form(address, "/login", HTML, "token=wrong");
    }
    let locked = post_form(address, "/login", HTML, &format!("token={TOKEN}"));
    check_status(&locked, 429);
    for part in ["retry-after: 60", "wait a minute", "<form"] {
        assert!(locked.contains(part), "no {part}: {locked}");
    }
}

#[apply(trial)]
fn no_form_where_no_token_is_asked_for() {
    let page = super::page(HttpOptions::default());
    check_status(&ask(page.local_addr(), "/", HTML.replace("10.0.0.9", "localhost").as_str()), 200);
    for answer in [
        ask(page.local_addr(), "/login", "Host: localhost\r\n"),
        post_form(page.local_addr(), "/login", "Host: localhost\r\n", "token=x"),
    ] {
        check_status(&answer, 404);
    }
}

#[apply(trial)]
fn a_foreign_name_is_answered_with_the_line_that_admits_it() {
    let (_page, address) = open_page(&["camera.example"]);
    for (host, line) in [
        ("jetson.local:8080", "hosts = [\"jetson.local\"]"),
        ("<b>.example", "hosts = [\"camera.example\"]"),
        ("", "hosts = [\"camera.example\"]"),
    ] {
        let answer = ask(address, "/", &format!("Host: {host}\r\n"));
        check_status(&answer, 421);
        assert!(answer.contains("the key `hosts`") && answer.contains(line), "{host}: {answer}");
    }
}

/// Whoever starts a server that listens everywhere is told addresses, not 0.0.0.0.
#[apply(trial)]
fn what_is_announced_can_be_opened() {
    let (page, _) = open_page(&[]);
    let told = page.server.announcement(None);
    assert!(told.starts_with("live page: http://") && told.ends_with(" (it asks for the token)"));
    assert!(!told.contains("0.0.0.0"), "{told}");
    for address in page.server.addresses() {
        assert!(told.contains(&format!("http://{address}/")), "{told} without {address}");
        check_status(&ask(address, "/healthz", "Host: localhost\r\n"), 200);
    }
    let secret = page.server.announcement(Some(TOKEN));
    assert!(secret.contains(&format!("/?token={TOKEN}")) && !secret.contains("asks"), "{secret}");
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
