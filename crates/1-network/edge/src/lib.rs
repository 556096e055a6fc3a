//! The way in, before we know whose request it is: encryption, limits, headers, addresses, ids.
//!
//! [`listen::serve`] takes bytes off a socket under TLS; [`Front`] stands around the router and refuses what no handler
//! should ever see (too big, too slow, ambiguous), gives every request its [`Arrived`] and every answer its headers.
//! This crate never knows users, teams or roles, never reads storage and renders no problem document: the server hands
//! it a [`front::Render`] for its refusals. Start reading in [`front`], then [`listen`].

pub mod address;
mod ahead;
pub mod body;
pub mod cors;
mod crowd;
mod error;
pub mod front;
pub mod head;
pub mod headers;
pub mod listen;
pub mod local_authority;
mod own_answers;
mod own_frames;
pub mod rate_limit;
mod stall;
pub mod tls;

pub use address::{Arrived, TrustedProxies};
pub use cors::Cors;
pub use error::Error;
pub use front::{Front, Refusal, RoutePolicy, Surface};
pub use listen::{Limits, redirect_to_https, serve};
pub use rate_limit::{Local, Redis, Verdict, Window, WindowName, Windows};
pub use tls::Tls;
