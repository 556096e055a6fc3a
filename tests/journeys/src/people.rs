//! People and teams that tests need.

use authz::Permission;
use domain::{Role, TeamId, UserId};
use identity::{KeyOwner, NewApiKey};
use store::{
    Effects,
    people::{Member, Membership, Team, User},
};

use crate::{Client, Server};

/// Somebody with a key.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: UserId,
    pub client: Client,
}

impl Server {
    /// The demo team's id.
    pub async fn team(&self) -> TeamId {
        self.rooms.team("demo").await.unwrap().unwrap()
    }

    /// A new person of the demo team with `role`, asking with a key of their own, in development.
    pub async fn as_role(&self, role: Role) -> Client {
        self.person(self.team().await, role, None).await.client
    }

    /// The same with a key that may only what it names.
    pub async fn with_narrow_key(&self, role: Role, permissions: &[Permission]) -> Client {
        self.person(self.team().await, role, Some(permissions.to_vec())).await.client
    }

    /// An admin of a team of their own; the client's addresses name that team.
    pub async fn other_team(&self) -> Client {
        let now = self.rooms.clock.now();
        let id = TeamId::new(now, rand::random());
        let slug = format!("other-{}", rand::random::<u32>());
        let team = Team { id, slug: slug.clone(), name: "Other".to_owned(), created_at: now };
        let system = authz::act_as_system("a test makes a team");
        self.rooms.store.add_team(system, team, Effects::none()).await.unwrap();
        self.person(id, Role::Admin, None).await.client.in_team(&slug)
    }

    /// Makes `role` the person's role in the team, whatever it was.
    pub async fn give_role(&self, team: TeamId, person: UserId, role: Role) {
        let member = Member::User(person);
        let membership =
            Membership { team, member, role, source: "test".to_owned(), created_at: self.rooms.clock.now() };
        let system = authz::act_as_system("a test gives a role");
        self.rooms.store.put_membership(system, membership, Effects::none()).await.unwrap();
        self.rooms.identity.forget_memberships();
    }

    /// A new person in a team.
    pub async fn person(&self, team: TeamId, role: Role, permissions: Option<Vec<Permission>>) -> Person {
        let now = self.rooms.clock.now();
        let store = &self.rooms.store;
        let system = authz::act_as_system("a test makes a person");
        let id = UserId::new(now, rand::random());
        let user = User {
            id,
            email: format!("{}-{}@people.test", role.as_str().replace('_', "-"), rand::random::<u32>()),
            name: role.to_string(),
            password_hash: None,
            email_verified_at: Some(now),
            disabled_at: None,
            created_at: now,
        };
        store.add_user(system, user, Effects::none()).await.unwrap();
        self.give_role(team, id, role).await;
        let key = NewApiKey {
            name: "test".to_owned(),
            team,
            owner: KeyOwner::User(id),
            permissions,
            environments: None,
            addresses: Vec::new(),
            life: None,
        };
        let (value, record) = key.make(now);
        store.add_own_api_key(system, server::rooms::stored_key(&record), Effects::none()).await.unwrap();
        Person { id, client: self.client.with_key(value.expose()) }
    }
}
