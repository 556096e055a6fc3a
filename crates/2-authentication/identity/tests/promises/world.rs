//! Ada, her browser, and records in memory.

pub use std::{
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

pub use authz::{Permission, action};
pub use domain::{Environment, Principal, Role, Scope, Secret, ServiceAccountId, TeamId, Timestamp, UserId};
pub use http::{HeaderMap, HeaderName, Method};
pub use identity::{
    Caller, CsrfFault, Error, Identity, KeyOwner, Keys, Member, NewApiKey, NotIdentified, Passwords, Policy, SignedIn,
    TokenHash, cookies,
    memory::Memory,
    ports::{Sessions as _, User, Users as _},
    session::Browser,
    setup::SetUp,
    sign_in::{Pending, Proof, Step},
};

pub const ORIGIN: &str = "https://localhost:8443";
pub const EMAIL: &str = "ada@example.com";
pub const PASSWORD: &str = "stone lantern river";

pub const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + seconds * 1_000_000)
}
pub fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}
pub fn client() -> IpAddr {
    [192, 0, 2, 1].into()
}
pub fn browser() -> Browser {
    Browser { client: client(), user_agent: Some("test".into()) }
}
pub fn team() -> TeamId {
    TeamId::new(at(0), [1; 10])
}
pub fn user() -> UserId {
    UserId::new(at(0), [2; 10])
}
pub fn scope(environment: Environment) -> Scope {
    Scope { team: team(), environment }
}

pub struct World {
    pub memory: Arc<Memory>,
    pub identity: Identity,
}

pub fn world_with(passwords: Passwords) -> World {
    let memory = Arc::new(Memory::default());
    let keys = Keys::new(&Secret::new((0..32).collect()), &[]).unwrap();
    let identity = Identity::new(memory.clone(), keys, passwords, Policy::at(ORIGIN)).unwrap();
    World { memory, identity }
}

/// Ada, an admin with a password.
pub async fn world() -> World {
    let world = world_with(Passwords::cheap());
    let hash = world.identity.passwords().hash(secret(PASSWORD)).await.unwrap();
    let ada = User {
        id: user(),
        email: EMAIL.parse().unwrap(),
        name: "Ada".into(),
        password: Some(hash),
        email_verified_at: Some(at(0)),
        disabled_at: None,
        created_at: at(0),
    };
    let mut state = world.memory.state();
    state.users.insert(ada.id, ada);
    state.members.insert((Member::User(user()), team()), Role::Admin);
    drop(state);
    world
}

pub fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    map
}

impl World {
    pub async fn first_step(&self, email: &str, password: &str, now: Timestamp) -> Result<Step, Error> {
        self.identity.sign_in(email, secret(password), &own(), browser(), now).await
    }
    pub async fn sign_in_as(&self, email: &str, password: &str, now: Timestamp) -> Result<SignedIn, Error> {
        match self.first_step(email, password, now).await? {
            Step::SignedIn(signed_in) => Ok(signed_in),
            Step::SecondFactor(_) => panic!("a second step is asked for"),
        }
    }
    pub async fn second_step(&self, pending: &Pending, code: &str, now: Timestamp) -> Result<SignedIn, Error> {
        self.identity.second_step(&pending.token, &secret(code), &own(), browser(), now).await
    }
    /// Signs in with the password alone and asks for a second step.
    pub async fn pending(&self, now: Timestamp) -> Pending {
        match self.first_step(EMAIL, PASSWORD, now).await.unwrap() {
            Step::SecondFactor(pending) => pending,
            Step::SignedIn(_) => panic!("no second step is asked for"),
        }
    }
    pub async fn caller(&self, signed_in: &SignedIn, now: Timestamp) -> Caller {
        self.get(&[("cookie", &cookie(signed_in))], now).await.unwrap()
    }
    pub async fn sign_in(&self) -> SignedIn {
        self.sign_in_as(EMAIL, PASSWORD, at(0)).await.unwrap()
    }
    pub async fn ask(&self, method: Method, headers: &HeaderMap, now: Timestamp) -> Result<Caller, Error> {
        self.identity.authenticate(&method, headers, client(), now).await
    }
    pub async fn get(&self, pairs: &[(&str, &str)], now: Timestamp) -> Result<Caller, Error> {
        self.ask(Method::GET, &headers(pairs), now).await
    }
    pub async fn refresh(&self, token: &Secret<String>, now: Timestamp) -> Result<SignedIn, Error> {
        let cookie = format!("{}={}", cookies::REFRESH, token.expose());
        self.identity.refresh(&headers(&[("cookie", &cookie), ("origin", ORIGIN)]), now).await
    }
    pub fn key(&self, change: impl FnOnce(&mut NewApiKey)) -> (Secret<String>, TokenHash) {
        let mut new = NewApiKey {
            name: "ci".into(),
            team: team(),
            owner: KeyOwner::User(user()),
            permissions: None,
            environments: None,
            addresses: Vec::new(),
            life: None,
        };
        change(&mut new);
        let (text, record) = new.make(at(0));
        let hash = record.hash;
        self.memory.state().api_keys.insert(hash, record);
        (text, hash)
    }
    pub async fn with_key(&self, key: &Secret<String>, now: Timestamp) -> Result<Caller, Error> {
        self.get(&[("authorization", &format!("Bearer {}", key.expose()))], now).await
    }
}

/// The headers of a request from our own page.
pub fn own() -> HeaderMap {
    headers(&[("origin", ORIGIN)])
}
pub fn by_password(text: &str) -> Proof {
    Proof { password: Some(secret(text)), code: None }
}
pub fn by_code(text: &str) -> Proof {
    Proof { password: None, code: Some(secret(text)) }
}

pub fn cookie(signed_in: &SignedIn) -> String {
    format!("{}={}; {}={}", cookies::ACCESS, signed_in.access.expose(), cookies::CSRF, signed_in.csrf)
}
pub fn why<T: std::fmt::Debug>(result: Result<T, Error>) -> NotIdentified {
    match result {
        Err(Error::NotIdentified(why)) => why,
        other => panic!("{other:?}"),
    }
}
pub fn fault(result: Result<Caller, Error>) -> Option<CsrfFault> {
    match result {
        Ok(_) => None,
        Err(Error::Csrf(fault)) => Some(fault),
        Err(other) => panic!("{other:?}"),
    }
}
