//! An example as a process of its own, and what it takes to speak to it.

use std::{
    env, fs,
    future::Future,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command as Shell, Output, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::future::join_all;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::*;

pub(super) struct Example {
    pub(super) name: &'static str,
    pub(super) addr: SocketAddr,
    pub(super) process: Child,
    pub(super) stdout: Lines,
    pub(super) stderr: Lines,
    folder: Folder,
}

/// A folder of a test's own, gone with it: examples keep dead letters.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tower-webhook-examples-{}-{next}", std::process::id());
        let folder = env::temp_dir().join(name);
        // Of a process of that id that was killed.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).expect("a folder");
        Self(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn file(&self) -> PathBuf {
        self.0.join("dead-letters.jsonl")
    }

    /// [`file`](Self::file) as a setting.
    pub(super) fn setting(&self) -> (&'static str, String) {
        (
            "DEAD_LETTERS",
            self.file().to_str().expect("UTF-8").to_owned(),
        )
    }

    pub(super) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("the folder");
        let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("a file").file_name();
        let names = entries.map(|entry| name(entry).into_string().expect("UTF-8"));
        names.collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Starts every example with these settings, checks it, stops it.
pub(super) async fn each(settings: &[(&str, &str)], check: impl AsyncFn(&mut Example)) {
    let all = ALL.map(async |name| {
        let mut example = Example::start(name, settings).await;
        check(&mut example).await;
        example.stops().await;
    });
    bounded(join_all(all)).await;
}

impl Example {
    pub(super) async fn start(name: &'static str, settings: &[(&str, &str)]) -> Self {
        Self::start_with(name, &[], settings).await
    }

    pub(super) async fn start_with(
        name: &'static str,
        arguments: &[&str],
        settings: &[(&str, &str)],
    ) -> Self {
        let folder = Folder::new();
        let (variable, file) = folder.setting();
        let mut command = command(name, arguments, &[(variable, &file)]);
        command.envs(settings.iter().copied());
        Self::of(name, command, folder).await
    }

    /// In a folder that it is free to write to, and settings that say nothing of dead letters.
    pub(super) async fn start_in(folder: Folder, arguments: &[&str]) -> Self {
        let mut command = command("axum", arguments, &[]);
        command
            .env_remove("DEAD_LETTERS")
            .current_dir(folder.path());
        Self::of("axum", command, folder).await
    }

    async fn of(name: &'static str, mut command: Command, folder: Folder) -> Self {
        let mut process = command.spawn().expect("it starts");
        let stdout = Lines::of(process.stdout.take().expect("piped"));
        let stderr = Lines::of(process.stderr.take().expect("piped"));
        let line = stdout.wait_for("").await;
        let addr = line.strip_prefix("listening on http://");
        let addr = addr.unwrap_or_else(|| panic!("{name} began with {line:?}"));
        Self {
            name,
            addr: addr.parse().expect("an address"),
            process,
            stdout,
            stderr,
            folder,
        }
    }

    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    pub(super) fn stdout(&self) -> Vec<String> {
        self.stdout.so_far()
    }

    /// Waits for a line that holds the text.
    pub(super) async fn line(&self, text: &str) {
        self.stdout.wait_for(text).await;
    }

    pub(super) async fn error(&self, text: &str) {
        self.stderr.wait_for(text).await;
    }

    /// Waits for a line that holds the text after the lines of the beginning, and parses it.
    pub(super) async fn json(&self, text: &str) -> Value {
        let mut after = 0;
        loop {
            let (index, line) = self.stdout.wait_from(after, text).await;
            if line.starts_with('{') {
                assert!(!line.contains(is_invisible), "{line:?}");
                return serde_json::from_str(&line).expect("JSON");
            }
            after = index + 1;
        }
    }

    pub(super) async fn answers(&self, status: u16, path: &str, body: &str) {
        let answer = self.send(Method::POST, path, body).await;
        assert_eq!(answer, status, "{}: {path} {body}", self.name);
    }

    pub(super) async fn send(&self, method: Method, path: &str, body: &str) -> StatusCode {
        let (status, body) = self.exchange(method, path, body).await;
        assert_eq!(body, "", "{}: {path}", self.name);
        status
    }

    /// What `GET /health` answers.
    pub(super) async fn health(&self) -> (StatusCode, Value) {
        let (status, body) = self.exchange(Method::GET, "/health", "").await;
        let text = std::str::from_utf8(&body).expect("text");
        assert!(
            !text.contains(SECRET) && !text.contains(is_invisible),
            "{text}"
        );
        (status, serde_json::from_str(text).expect("JSON"))
    }

    async fn exchange(&self, method: Method, path: &str, body: &str) -> (StatusCode, Bytes) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost")
            .body(Full::new(Bytes::from(body.to_owned())))
            .expect("a request");
        let stream = TcpStream::connect(self.addr).await.expect("a connection");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .expect("HTTP/1");
        tokio::spawn(connection);
        let answer = sender.send_request(request).await.expect("an answer");
        let status = answer.status();
        let body = answer.into_body().collect().await.expect("a body");
        (status, body.to_bytes())
    }

    /// Opens a connection and writes a POST on it, without waiting for the answer.
    pub(super) async fn begin(&self, path: &str, rest: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.addr).await.expect("a connection");
        let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n");
        let request = [head.as_bytes(), rest].concat();
        // What answers before it has read everything may stop reading.
        let _ = stream.write_all(&request).await;
        stream
    }

    pub(super) async fn raw(&self, path: &str, rest: &[u8]) -> StatusCode {
        status_line(&mut self.begin(path, rest).await).await
    }

    /// Sends this much and waits until the server has had enough.
    pub(super) async fn cut_off(&self, beginning: &str) {
        let mut stream = TcpStream::connect(self.addr).await.expect("a connection");
        stream
            .write_all(beginning.as_bytes())
            .await
            .expect("a listener");
        let mut rest = Vec::new();
        let read = timeout(Duration::from_secs(9), stream.read_to_end(&mut rest)).await;
        let _ = read.unwrap_or_else(|_| panic!("{beginning:?} may wait for ever"));
    }

    pub(super) async fn refuses_connections(&self) {
        for _ in 0..100 {
            if TcpStream::connect(self.addr).await.is_err() {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
        panic!("{} accepts connections while it stops", self.name);
    }

    pub(super) fn terminate(&self) {
        terminate(&self.process);
    }

    /// As a power cut does, or whoever is out of memory.
    pub(super) async fn is_killed(&mut self) {
        self.process.kill().await.expect("it was alive");
    }

    pub(super) async fn ends(&mut self) {
        let end = timeout(Duration::from_secs(15), self.process.wait()).await;
        let end = end.unwrap_or_else(|_| panic!("{} does not stop", self.name));
        let status = end.expect("its end");
        assert!(status.success(), "{}: {status}", self.name);
    }

    /// Ends it as an operator would, and looks through all that it has printed.
    pub(super) async fn stops(&mut self) {
        if !self.stdout().iter().any(|line| line == "stopping") {
            self.terminate();
        }
        self.ends().await;
        self.line("stopped, handlers left: 0").await;
        self.stderr.ended().await;
        let printed = self.stdout().into_iter().filter(|line| !is_curl(line));
        for line in printed.chain(self.stderr.so_far()) {
            assert!(!line.contains(SECRET), "{}: {line}", self.name);
            assert!(!line.contains(is_invisible), "{}: {line:?}", self.name);
        }
    }
}

pub(super) fn terminate(process: &Child) {
    // What has exited has no id any more.
    if let Some(id) = process.id() {
        let kill = Shell::new("kill").args(["-TERM", &id.to_string()]).status();
        assert!(kill.expect("kill").success());
    }
}

pub(super) fn command(name: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(binary(name));
    command
        .args(arguments)
        .env("ADDR", "127.0.0.1:0")
        .env("WEBHOOK_SECRET", SECRET)
        .env("DEAD_LETTERS", "off")
        .env_remove("HANDLER")
        .env_remove("PRINT")
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// `cargo test` builds the examples too, beside the folder that tests are in.
pub(super) fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this test's path");
    let profile = test.ancestors().nth(2).expect("target/debug");
    let binary = profile.join("examples").join(name);
    assert!(
        binary.exists(),
        "{} is missing: run `cargo build --examples`",
        binary.display()
    );
    binary
}

/// The lines of a stream, as they come.
pub(super) struct Lines {
    seen: Arc<Mutex<Vec<String>>>,
    more: watch::Receiver<()>,
    reader: JoinHandle<()>,
}

impl Lines {
    pub(super) fn of(stream: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let (news, more) = watch::channel(());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let here = Arc::clone(&seen);
        let reader = tokio::spawn(async move {
            let mut lines = BufReader::new(stream).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                here.lock().unwrap().push(line);
                news.send_replace(());
            }
        });
        Self { seen, more, reader }
    }

    pub(super) fn so_far(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) async fn wait_for(&self, text: &str) -> String {
        self.wait_from(0, text).await.1
    }

    pub(super) async fn wait_from(&self, from: usize, text: &str) -> (usize, String) {
        let mut more = self.more.clone();
        let mut open = true;
        loop {
            more.borrow_and_update();
            let lines = self.so_far();
            let found = |(_, line): &(usize, &String)| line.contains(text);
            if let Some((index, line)) = lines.iter().enumerate().skip(from).find(found) {
                return (index, line.clone());
            }
            assert!(open, "no line with {text:?} in {lines:#?}");
            let next = timeout(Duration::from_secs(15), more.changed()).await;
            assert!(
                next.is_ok(),
                "no line with {text:?} for 15 s, but {lines:#?}"
            );
            open = matches!(next, Ok(Ok(())));
        }
    }

    /// Nobody reads on.
    pub(super) async fn close(&mut self) {
        self.reader.abort();
        let _ = (&mut self.reader).await;
    }

    pub(super) async fn ended(&self) {
        let mut more = self.more.clone();
        while more.changed().await.is_ok() {}
    }
}

pub(super) fn alegra() -> String {
    format!("/webhooks/alegra/{SECRET}")
}

pub(super) fn bsale() -> String {
    format!("/webhooks/bsale/{SECRET}")
}

pub(super) fn three_mebibytes() -> Vec<u8> {
    let mut rest = b"content-length: 3145728\r\n\r\n".to_vec();
    rest.resize(rest.len() + 3 * 1024 * 1024, b' ');
    rest
}

pub(super) fn three_mebibytes_chunked() -> Vec<u8> {
    let mut rest = b"transfer-encoding: chunked\r\n\r\n300000\r\n".to_vec();
    rest.resize(rest.len() + 3 * 1024 * 1024, b' ');
    rest.extend(b"\r\n0\r\n\r\n");
    rest
}

/// Reads as far as the status of an answer.
pub(super) async fn status_line(stream: &mut TcpStream) -> StatusCode {
    let mut line = String::new();
    let read = BufReader::new(stream).read_line(&mut line).await;
    let status = line.split(' ').nth(1).and_then(|text| text.parse().ok());
    status.unwrap_or_else(|| panic!("no status in {line:?}: {read:?}"))
}

pub(super) fn is_curl(line: &str) -> bool {
    line.starts_with("curl ")
}

/// What moves a terminal's cursor, or turns its text around.
pub(super) fn is_invisible(character: char) -> bool {
    character.is_control() || character == '\u{202e}'
}

/// What a shell makes of a line that is pasted into it.
pub(super) fn words_in_a_shell(line: &str) -> Vec<String> {
    let script = format!("curl() {{ printf '%s\\n' \"$@\"; }}\n{line}");
    let Output { status, stdout, .. } = Shell::new("sh")
        .args(["-euc", &script])
        .output()
        .expect("a shell");
    assert!(status.success(), "{line}");
    let words = String::from_utf8(stdout).expect("text");
    words.lines().map(str::to_owned).collect()
}

pub(super) async fn timed<T>(future: impl Future<Output = T>) -> (T, f64) {
    let began = Instant::now();
    let output = future.await;
    (output, began.elapsed().as_secs_f64())
}

/// Nothing here hangs.
pub(super) async fn bounded<T>(future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(60);
    timeout(limit, future).await.expect("done within a minute")
}
