use std::path::PathBuf;

/// What keeps the way in from opening. All of these stop a start; none happens while a request is served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("file {path} could not be read or written")]
    File {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("{path} holds no usable PEM certificate or private key")]
    Pem { path: PathBuf },
    #[error("the certificate and the private key do not fit together, or TLS cannot be set up with them")]
    Tls(#[source] rustls::Error),
    #[error("the local certificate authority could not make a certificate")]
    Authority(#[source] rcgen::Error),
    #[error("{name} is no name that a certificate can be made for")]
    Name { name: String },
    #[error("\"*\" is not an origin: cross-origin requests with cookies need each origin written out")]
    WildcardOrigin,
    #[error("{origin} is no origin; write scheme, host and port only, such as https://app.example.com")]
    Origin { origin: String },
    #[error("{text} is no address range; write it as 10.0.0.0/8 or as one address")]
    AddressRange { text: String },
    #[error(
        "the Redis address is not readable; write rediss://user:password@host:6379/0, or for a Redis on this machine \
         redis://127.0.0.1:6379 or redis+unix:///run/redis.sock, and nothing after #"
    )]
    RedisAddress,
    #[error(
        "Redis at {host} would be spoken to without encryption; write rediss:// (redis:// is for this machine only)"
    )]
    RedisUnencrypted { host: String },
    #[error("the further certificate authorities for Redis hold no readable PEM certificate")]
    RedisAuthorities,
}
