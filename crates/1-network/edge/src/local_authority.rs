//! A certificate authority of one's own, made at the first start, so that `curl --cacert data/ca.pem` works before
//! anybody has bought or asked for anything. Its key never leaves its folder; leaves live in memory only.

use std::{
    io::Write as _,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use aws_lc_rs::digest;
use domain::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use rustls::{
    RootCertStore, client::WebPkiServerVerifier, client::danger::ServerCertVerifier as _, sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject};
use time::OffsetDateTime;

use crate::{Error, tls::provider};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Ten years.
const AUTHORITY_LIFE: Duration = Duration::from_secs(3652 * 24 * 3600);
/// The longest that browsers accept is 398 days.
const LEAF_LIFE: Duration = Duration::from_secs(397 * 24 * 3600);

/// The authority and the names that it makes certificates for.
pub struct LocalAuthority {
    key: KeyPair,
    certificate: CertificateDer<'static>,
    certificate_path: PathBuf,
    names: Vec<String>,
}

impl std::fmt::Debug for LocalAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalAuthority").field("names", &self.names).finish_non_exhaustive()
    }
}

impl LocalAuthority {
    /// Opens the authority in `folder` (`ca.pem` and `ca.key`, both 0600), or makes it. An authority that ends within
    /// 397 days is replaced. Leaves are for `localhost`, `127.0.0.1`, `::1` and `names`.
    ///
    /// # Errors
    /// Files that cannot be read, written or understood; names that no certificate can hold.
    pub fn open(folder: &Path, names: &[String], now: Timestamp) -> Result<Self, Error> {
        let (certificate_path, key_path) = (folder.join("ca.pem"), folder.join("ca.key"));
        make_private_folder(folder)?;
        let mut all = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        all.extend(names.iter().filter(|name| !all.contains(name)).cloned().collect::<Vec<_>>());
        if key_path.exists() && certificate_path.exists() {
            let key = std::fs::read_to_string(&key_path).map_err(at(&key_path))?;
            let key = KeyPair::from_pem(&key).map_err(|_| Error::Pem { path: key_path.clone() })?;
            let certificate = CertificateDer::from_pem_file(&certificate_path)
                .map_err(|_| Error::Pem { path: certificate_path.clone() })?;
            let opened = Self { key, certificate, certificate_path: certificate_path.clone(), names: all.clone() };
            if opened.lasts_until(now + LEAF_LIFE)? {
                return Ok(opened);
            }
            tracing::warn!("the local certificate authority has ended or is about to: made a new one");
        }
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(Error::Authority)?;
        let mut parameters = authority_parameters(&key);
        (parameters.not_before, parameters.not_after) = (moment(now - DAY), moment(now + AUTHORITY_LIFE));
        let certificate = parameters.self_signed(&key).map_err(Error::Authority)?;
        write_private(&key_path, key.serialize_pem().as_bytes())?;
        write_private(&certificate_path, certificate.pem().as_bytes())?;
        Ok(Self { key, certificate: certificate.der().clone(), certificate_path, names: all })
    }

    /// The file to give to `curl --cacert`.
    pub fn certificate_path(&self) -> &Path {
        &self.certificate_path
    }

    /// A fresh leaf with a key of its own, good for 397 days from `now`.
    ///
    /// # Errors
    /// [`Error::Name`] and [`Error::Authority`].
    pub fn issue(&self, now: Timestamp) -> Result<CertifiedKey, Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(Error::Authority)?;
        for name in &self.names {
            if ServerName::try_from(name.as_str()).is_err() {
                return Err(Error::Name { name: name.clone() });
            }
        }
        let mut parameters = CertificateParams::new(self.names.clone()).map_err(Error::Authority)?;
        parameters.distinguished_name = named("NodeLoom");
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters.use_authority_key_identifier_extension = true;
        (parameters.not_before, parameters.not_after) = (moment(now - DAY), moment(now + LEAF_LIFE - DAY));
        let authority = authority_parameters(&self.key);
        let leaf = parameters.signed_by(&key, &Issuer::from_params(&authority, &self.key)).map_err(Error::Authority)?;
        let private = PrivateKeyDer::try_from(key.serialize_der()).map_err(|_| Error::Name { name: "key".into() })?;
        CertifiedKey::from_der(vec![leaf.der().clone(), self.certificate.clone()], private, &provider())
            .map_err(Error::Tls)
    }

    /// Whether the authority has not ended by `then`. Asks the verifier of real clients, which looks at the dates of
    /// what is shown to it before it looks at what it is; of trust anchors themselves it does not check the dates.
    fn lasts_until(&self, then: Timestamp) -> Result<bool, Error> {
        use rustls::{
            CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext},
            Error::InvalidCertificate,
        };
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).map_err(Error::Tls)?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .map_err(|_| Error::Pem { path: self.certificate_path.clone() })?;
        let name = ServerName::try_from("localhost").map_err(|_| Error::Name { name: "localhost".into() })?;
        let then = UnixTime::since_unix_epoch(then.since(Timestamp::from_micros(0)));
        let verdict = verifier.verify_server_cert(&self.certificate, &[], &name, &[], then);
        Ok(!matches!(
            verdict,
            Err(InvalidCertificate(Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. }))
        ))
    }
}

/// The same from the key alone, so that nothing has to be parsed back: the name holds a hash of the key.
fn authority_parameters(key: &KeyPair) -> CertificateParams {
    let hash = digest::digest(&digest::SHA256, key.public_key_raw());
    let short: String = hash.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = named(&format!("NodeLoom local authority {short}"));
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters
}

fn named(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

fn moment(at: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(at.micros().div_euclid(1_000_000)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Whether `name` can stand in a certificate made here.
pub fn is_name(name: &str) -> bool {
    name.parse::<IpAddr>().is_ok() || ServerName::try_from(name).is_ok()
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |cause| Error::File { path, cause }
}

fn make_private_folder(folder: &Path) -> Result<(), Error> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder).map_err(at(folder))
}

/// Whole or not at all: written beside and renamed, so that two starts at once never see half a file.
fn write_private(path: &Path, content: &[u8]) -> Result<(), Error> {
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside).map_err(at(&beside))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(at(&beside))?;
    std::fs::rename(&beside, path).map_err(at(path))
}
