//! R076–R079 against a server that is not ours: npm's oidc-provider, certified, with PKCE required and refresh tokens that
//! rotate and whose reuse ends the grant. It is installed by npm into the build's folder for temporary files.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]
#![allow(clippy::disallowed_methods, reason = "the test starts the server that it talks to")]

mod double;

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use connections::{Begun, ClientSettings, Error, Revoked, Status, Tested, provider::ClientAuth};
use double::*;
use egress::{Egress, Method, Policy, Request, Url};
use harness::on_sqlite;
use serde_json::json;
use store::Effects;
use vault::{Named, Use};

const VERSION: &str = "oidc-provider@9";

struct Server {
    child: Child,
    issuer: String,
}
impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Installs the package once; the reason, when it cannot be had.
fn package() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oidc-provider");
    let done = folder.join("installed");
    if done.exists() {
        return Ok(folder);
    }
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    std::fs::write(folder.join("package.json"), "{\"private\":true,\"type\":\"module\"}").map_err(|e| e.to_string())?;
    let npm = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", VERSION])
        .current_dir(&folder)
        .output()
        .map_err(|error| format!("npm does not run: {error}"))?;
    if !npm.status.success() {
        return Err(format!("npm could not install it: {}", String::from_utf8_lossy(&npm.stderr)));
    }
    std::fs::write(done, VERSION).map_err(|error| error.to_string())?;
    Ok(folder)
}

fn server() -> Result<Server, String> {
    let folder = package()?;
    let script = folder.join("server.mjs");
    std::fs::write(&script, include_str!("oidc_server.mjs")).map_err(|error| error.to_string())?;
    let mut child = Command::new("node")
        .arg(&script)
        .args([CLIENT, &client_secret(), BACK])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("node does not run: {error}"))?;
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let issuer = lines.find_map(|line| line.ok()?.strip_prefix("ready ").map(str::to_owned));
    match issuer {
        Some(issuer) => {
            // What it goes on to say is read, so that it never waits for a reader.
            std::thread::spawn(move || lines.for_each(drop));
            Ok(Server { child, issuer })
        }
        None => {
            child.kill().ok();
            child.wait().ok();
            Err("it did not start".to_owned())
        }
    }
}

/// A browser: cookies, redirects, and a person who agrees to everything.
async fn agree(begun: &Begun) -> Vec<(String, String)> {
    let egress = Egress::new(Policy::allowing(["127.0.0.1"]).unwrap()).unwrap();
    let mut cookies: BTreeMap<String, String> = BTreeMap::new();
    let mut url = begun.authorize_url.clone();
    for _ in 0..12 {
        let mut request = Request::to(Method::GET, url.clone());
        request.follow_redirects = false;
        let all: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !all.is_empty() {
            request = request.header("cookie", &all.join("; ")).unwrap();
        }
        let response = egress.send(request).await.unwrap();
        for cookie in response.headers.get_all("set-cookie") {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            cookies.insert(name.to_owned(), value.to_owned());
        }
        let status = response.status;
        let Some(to) = response.header("location").map(str::to_owned) else {
            panic!("{status} at {}: {:?}", url.path(), response.body.collect().await)
        };
        url = url.join(&to).unwrap();
        if url.as_str().starts_with(BACK) {
            return url.query_pairs().into_owned().collect();
        }
    }
    panic!("the browser went round and round");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_ours_is_connected_refreshed_and_given_back() {
    let server = match server() {
        Ok(server) => server,
        Err(why) => return eprintln!("SKIPPED: {VERSION} is not there: {why}"),
    };
    on_sqlite(async |ground| {
        let connections = connections(ground).await;
        let at = |path: &str| Some(format!("{}{path}", server.issuer));
        let settings = ClientSettings {
            authorize_url: at("/auth"),
            token_url: at("/token"),
            revoke_url: at("/token/revocation"),
            probe_url: at("/me"),
            issuer: Some(server.issuer.clone()),
            api_hosts: Some(vec!["127.0.0.1".to_owned()]),
            default_scopes: Some(vec!["openid".to_owned()]),
            client_auth: Some(ClientAuth::Basic),
            ..ClientSettings::default()
        };
        register(&connections, "custom", settings).await;
        let connect = async || {
            let begun = begin(&connections, wanted("custom", json!({}))).await.unwrap();
            let query = agree(&begun).await;
            assert!(query.iter().any(|(name, value)| name == "iss" && value == &server.issuer));
            let back =
                connections::Callback { query, binding: Some(begun.binding.clone()), session: "session-1".to_owned() };
            finish(&connections, &back).await
        };
        let credential = connect().await.unwrap();
        let test = async || connections.test(&using(), credential.id, None, Effects::none()).await.unwrap();
        assert_eq!(test().await, Tested::Works);
        let status = async || connections.connection(&using(), credential.id).await.unwrap().status;
        assert_eq!(status().await, Status::Active);

        // Two refreshes in a row, each wanted by fifty at once: one too many, and the server would end the grant.
        let first = token(&connections, ground, "my custom").await.unwrap();
        for _ in 0..2 {
            ground.clock.advance(Duration::from_secs(3700));
            let all = (0..50).map(|_| token(&connections, ground, "my custom"));
            let all: Vec<String> =
                futures::future::join_all(all).await.into_iter().map(|token| token.unwrap()).collect();
            assert!(all.iter().all(|token| token == &all[0] && token != &first));
            assert_eq!(test().await, Tested::Works);
        }

        // Somebody else uses an old refresh token: the server ends the grant, and that is what is shown.
        let lease = connections.lease(&using(), Named("my custom"), &Use::default(), ground.clock.now()).await.unwrap();
        let refresh = lease.value().field("refresh_token").unwrap().expose().clone();
        ground.clock.advance(Duration::from_secs(3700));
        token(&connections, ground, "my custom").await.unwrap();
        thief(&server.issuer, &refresh).await;
        ground.clock.advance(Duration::from_secs(3700));
        let error = token(&connections, ground, "my custom").await.unwrap_err();
        assert!(matches!(&error, Error::Reauthorize { reason } if reason == "invalid_grant"), "{error:?}");
        assert_eq!(status().await, Status::ReauthorizationRequired);

        // Made anew and deleted: the server knows the token no more.
        connections.delete(&manage(), &using(), credential.id, Effects::none()).await.unwrap();
        let credential = connect().await.unwrap();
        let token = token(&connections, ground, "my custom").await.unwrap();
        assert_eq!(me(&server.issuer, &token).await, 200);
        let revoked = connections.delete(&manage(), &using(), credential.id, Effects::none()).await.unwrap();
        assert_eq!(revoked, Revoked::Yes);
        assert_eq!(me(&server.issuer, &token).await, 401);
    })
    .await;
}

async fn send(request: Request) -> u16 {
    let egress = Egress::new(Policy::allowing(["127.0.0.1"]).unwrap()).unwrap();
    egress.send(request).await.unwrap().status.as_u16()
}
async fn me(issuer: &str, token: &str) -> u16 {
    let url = Url::parse(&format!("{issuer}/me")).unwrap();
    send(Request::to(Method::GET, url).header("authorization", &format!("Bearer {token}")).unwrap()).await
}
async fn thief(issuer: &str, refresh: &str) {
    use base64::Engine as _;
    let mut form = Url::parse("http://x/").unwrap();
    form.query_pairs_mut().append_pair("grant_type", "refresh_token").append_pair("refresh_token", refresh);
    let mut secret = Url::parse("http://x/").unwrap();
    secret.query_pairs_mut().append_pair("x", &client_secret());
    let basic = format!("{CLIENT}:{}", &secret.query().unwrap()[2..]);
    let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(basic));
    let request = Request::to(Method::POST, Url::parse(&format!("{issuer}/token")).unwrap())
        .header("content-type", "application/x-www-form-urlencoded")
        .unwrap()
        .header("authorization", &basic)
        .unwrap()
        .body(form.query().unwrap().to_owned());
    assert_eq!(send(request).await, 400, "the old token is refused");
}
