//! The receivers that are not Rust: how they are installed, and how they are started.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{contenders::PATH, payload::Payload};

const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");

#[derive(Clone, Copy, Debug)]
pub(crate) enum Foreign {
    Fastify,
    Fastapi,
}

impl Foreign {
    pub(crate) const ALL: [Self; 2] = [Self::Fastify, Self::Fastapi];

    /// Installs what the lock says, into the package's target directory.
    pub(crate) fn install(self) -> Result<()> {
        let target = self.target();
        fs::create_dir_all(&target)
            .with_context(|| format!("cannot create {}", target.display()))?;
        println!("installing {} into {}", self.folder(), target.display());
        match self {
            Self::Fastify => {
                copy(&self.source("package.json"), &target.join("package.json"))?;
                self.copy_lock()?;
                let npm = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
                finish(Command::new("npm").args(npm).current_dir(&target))?;
            }
            Self::Fastapi => {
                let venv = target.join("venv");
                finish(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
                finish(
                    Command::new(venv.join("bin/pip"))
                        .args(["install", "--quiet", "--requirement"])
                        .arg(self.source(self.lock())),
                )?;
                self.copy_lock()?;
            }
        }
        Ok(())
    }

    /// Whether it is installed, and as the lock says today.
    pub(crate) fn is_installed(self) -> bool {
        let wanted = fs::read(self.source(self.lock()));
        let installed = fs::read(self.target().join(self.lock()));
        matches!((wanted, installed), (Ok(wanted), Ok(installed)) if wanted == installed)
            && self.program().exists()
    }

    /// The process that receives this payload.
    pub(crate) fn command(self, payload: Payload) -> Command {
        let mut command = match self {
            Self::Fastify => {
                let mut node = Command::new("node");
                node.env("NODE_PATH", self.target().join("node_modules"))
                    .env("NODE_ENV", "production")
                    .arg(self.source("server.js"));
                node
            }
            Self::Fastapi => {
                let mut python = Command::new(self.program());
                // No `__pycache__` beside the source.
                python
                    .env("PYTHONDONTWRITEBYTECODE", "1")
                    .arg(self.source("main.py"));
                python
            }
        };
        command.args([PATH, payload.event()]);
        command
    }

    /// The versions of the language and of the framework.
    pub(crate) fn version(self) -> Result<String> {
        let mut command = match self {
            Self::Fastify => {
                let mut node = Command::new("node");
                let script = "const { version } = require('fastify/package.json'); \
                              console.log(`Node ${process.version}, Fastify ${version}`)";
                node.env("NODE_PATH", self.target().join("node_modules"))
                    .args(["-e", script]);
                node
            }
            Self::Fastapi => {
                let mut python = Command::new(self.program());
                let script = "import fastapi, platform, uvicorn; \
                              print(f'Python {platform.python_version()}, \
                              FastAPI {fastapi.__version__}, uvicorn {uvicorn.__version__}')";
                python.args(["-c", script]);
                python
            }
        };
        let output = command
            .output()
            .with_context(|| format!("cannot run {}", self.folder()))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// What has to be there for it to run.
    fn program(self) -> PathBuf {
        match self {
            Self::Fastify => self.target().join("node_modules/fastify"),
            Self::Fastapi => self.target().join("venv/bin/python"),
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Fastify => "fastify",
            Self::Fastapi => "fastapi",
        }
    }

    fn lock(self) -> &'static str {
        match self {
            Self::Fastify => "package-lock.json",
            Self::Fastapi => "requirements.txt",
        }
    }

    fn copy_lock(self) -> Result<()> {
        copy(&self.source(self.lock()), &self.target().join(self.lock()))
    }

    fn source(self, file: &str) -> PathBuf {
        [PACKAGE, self.folder(), file].iter().collect()
    }

    fn target(self) -> PathBuf {
        [PACKAGE, "target", "receivers", self.folder()]
            .iter()
            .collect()
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy to {}", to.display()))?;
    Ok(())
}

fn finish(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .status()
        .with_context(|| format!("cannot run {program}; is it installed?"))?;
    if !status.success() {
        bail!("{program} failed, {status}; what it wrote above says why");
    }
    Ok(())
}
