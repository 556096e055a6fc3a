//! Which backend makes the containers. What was asked for is taken or refused; only `auto` looks around.

use std::{fmt, path::Path, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    Error, Guarantee, Guarantees, SandboxConfig, Strength, backend::Backend, docker::Docker, native::Native, oci::Oci,
    probe,
};

/// Who makes the containers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackendChoice {
    /// NodeLoom itself: needs nothing installed, and is the fastest by far.
    #[default]
    Native,
    /// A Docker engine, over its socket.
    Docker,
    /// runc, crun or runsc, by bundles that we write.
    Oci,
    /// Whichever keeps the most promises here; with as many, the first of native, oci, docker.
    Auto,
}

impl BackendChoice {
    /// The name in configuration and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Docker => "docker",
            Self::Oci => "oci",
            Self::Auto => "auto",
        }
    }
    /// The choice called `name`.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Native, Self::Docker, Self::Oci, Self::Auto].into_iter().find(|choice| choice.name() == name)
    }
}
impl fmt::Display for BackendChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which backend was taken, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What the settings asked for.
    pub asked: BackendChoice,
    /// What is used: `native`, `docker`, `oci (runc)`.
    pub backend: String,
    /// Why, as a sentence.
    pub why: String,
    /// What `auto` looked at, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub considered: Vec<Considered>,
}

/// One backend that `auto` looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Considered {
    pub backend: String,
    /// Promises kept in full.
    pub held: usize,
    /// Promises kept by a weaker mechanism.
    pub weaker: usize,
    /// Why it cannot be used, or would be refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "backend: {}; {}", self.backend, self.why)?;
        for other in &self.considered {
            let refused = other.refused.as_ref().map(|why| format!("; refused: {why}")).unwrap_or_default();
            writeln!(f, "  {:<12} {} held, {} weaker{refused}", other.backend, other.held, other.weaker)?;
        }
        writeln!(f)
    }
}

/// A backend that was measured.
pub struct Chosen {
    pub backend: Box<dyn Backend>,
    pub choice: Choice,
    pub measured: Result<Guarantees, Error>,
}

/// Takes what the settings ask for.
pub async fn choose(config: &SandboxConfig) -> Result<Chosen, Error> {
    if let Some(tree) = &config.root {
        checked_tree(tree)?;
    }
    let asked = config.backend;
    if asked == BackendChoice::Auto {
        return strongest(config).await;
    }
    let backend = make(asked, config)?;
    let measured = measure(&*backend).await;
    let why = match asked {
        BackendChoice::Native => "the settings ask for it, or for nothing else".to_owned(),
        _ => format!("the settings ask for {asked}"),
    };
    let choice = Choice { asked, backend: backend.name(), why, considered: Vec::new() };
    Ok(Chosen { backend, choice, measured })
}

/// Other people's programs may be there and not work: that is no reason to stop the server.
async fn measure(backend: &dyn Backend) -> Result<Guarantees, Error> {
    match probe::measure(backend).await {
        Err(Error::Broken { step, source }) if backend.name() != "native" => Err(Error::Unavailable {
            reason: format!("{} failed at {step}: {source}", backend.name()),
            remedy: "mend it, or choose another backend (sandbox.backend)".into(),
        }),
        other => other,
    }
}

fn make(choice: BackendChoice, config: &SandboxConfig) -> Result<Box<dyn Backend>, Error> {
    Ok(match choice {
        BackendChoice::Native | BackendChoice::Auto => Box::new(Native::new(config)?),
        BackendChoice::Docker => Box::new(Docker::new(config)),
        BackendChoice::Oci => Box::new(Oci::new(config)?),
    })
}

async fn strongest(config: &SandboxConfig) -> Result<Chosen, Error> {
    let (mut best, mut considered): (Option<(Score, Chosen)>, Vec<Considered>) = (None, Vec::new());
    for asked in [BackendChoice::Native, BackendChoice::Oci, BackendChoice::Docker] {
        let backend = match make(asked, config) {
            Ok(backend) => backend,
            Err(error) => {
                let refused = Some(error.to_string());
                considered.push(Considered { backend: asked.name().into(), held: 0, weaker: 0, refused });
                continue;
            }
        };
        let measured = measure(&*backend).await;
        let (score, refused) = match &measured {
            Ok(table) => (Score::of(table, config), missing(table, config).err().map(|error| error.to_string())),
            Err(error) => (Score::default(), Some(error.to_string())),
        };
        considered.push(Considered { backend: backend.name(), held: score.held, weaker: score.weaker, refused });
        let choice =
            Choice { asked: BackendChoice::Auto, backend: backend.name(), why: String::new(), considered: Vec::new() };
        let (whole, chosen) = (score.held == Guarantee::ALL.len(), Chosen { backend, choice, measured });
        if best.as_ref().is_none_or(|(other, _)| score > *other) {
            best = Some((score, chosen));
        }
        if whole {
            break; // nothing can keep more
        }
    }
    let (score, mut chosen) = best.ok_or_else(|| Error::Unavailable {
        reason: "no backend could be started".into(),
        remedy: "see `nodeloom sandbox probe`".into(),
    })?;
    chosen.choice.why = match (score.allowed, score.held == Guarantee::ALL.len()) {
        (true, true) => format!("it keeps all {} promises in full", score.held),
        (true, false) => {
            format!(
                "of {} looked at it keeps the most promises: {} in full, {} by a weaker mechanism",
                considered.len(),
                score.held,
                score.weaker
            )
        }
        (false, _) => "no backend keeps what is required here; code will not run".into(),
    };
    chosen.choice.considered = considered;
    Ok(chosen)
}

/// More is stronger; what would be refused is weaker than what would not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Score {
    allowed: bool,
    held: usize,
    weaker: usize,
}

impl Score {
    fn of(table: &Guarantees, config: &SandboxConfig) -> Self {
        let count = |strength| table.0.iter().filter(|row| row.strength == strength).count();
        Self { allowed: missing(table, config).is_ok(), held: count(Strength::Held), weaker: count(Strength::Weaker) }
    }
}

/// Whether the table keeps what the settings require.
pub fn missing(table: &Guarantees, config: &SandboxConfig) -> Result<(), Error> {
    let kept = |guarantee| match table.get(guarantee).map(|row| row.strength) {
        Some(Strength::Held) => true,
        Some(Strength::Weaker) => !config.required_in_full.contains(&guarantee),
        Some(Strength::Missing) | None => false,
    };
    let missing: Vec<_> = config
        .required
        .union(&config.required_in_full)
        .filter(|guarantee| !kept(**guarantee))
        .map(|guarantee| {
            let row = table.get(*guarantee);
            (*guarantee, row.map_or("not measured".into(), |row| row.weaker.clone().unwrap_or(row.how.clone())))
        })
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(Error::GuaranteeMissing { missing }) }
}

/// A tree that can serve as a root: absolute, there, and for everybody to read.
pub fn checked_tree(tree: &Path) -> Result<PathBuf, Error> {
    let refuse = |reason: String| Error::BadRoot { path: tree.into(), reason };
    let found = tree.canonicalize().map_err(|error| refuse(error.to_string()))?;
    if found == Path::new("/") {
        return Err(refuse("it is the host's own root; use host-usr".into()));
    }
    if !found.join("usr").is_dir() {
        return Err(refuse("it holds no directory usr; make it with `nodeloom sandbox build-root`".into()));
    }
    for above in found.ancestors() {
        use std::os::unix::fs::PermissionsExt;
        let mode = above.metadata().map_err(|error| refuse(error.to_string()))?.permissions().mode();
        if mode & 0o001 == 0 {
            return Err(refuse(format!(
                "guests are not the server's user, and {} is closed to others",
                above.display()
            )));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Measured;

    fn table(missing: &[Guarantee], weaker: &[Guarantee]) -> Guarantees {
        let strength = |guarantee: &Guarantee| match () {
            () if missing.contains(guarantee) => Strength::Missing,
            () if weaker.contains(guarantee) => Strength::Weaker,
            () => Strength::Held,
        };
        let row = |guarantee: &Guarantee| Measured {
            guarantee: *guarantee,
            strength: strength(guarantee),
            how: "x".into(),
            weaker: None,
            tried: true,
        };
        Guarantees(Guarantee::ALL.iter().map(row).collect())
    }

    /// Ten promises kept are worth nothing when the eleventh is required.
    #[test]
    fn what_would_be_refused_is_weakest() {
        let config = SandboxConfig::default();
        let score = |missing: &[Guarantee], weaker: &[Guarantee]| Score::of(&table(missing, weaker), &config);
        let whole = score(&[], &[]);
        let weak = score(&[], &[Guarantee::MemoryLimit, Guarantee::CpuLimit]);
        let refused = score(&[Guarantee::NotRoot], &[]);
        assert!(whole > weak && weak > refused, "{whole:?} {weak:?} {refused:?}");
        assert!(refused > Score::default());
    }
}
