//! The binary in a terminal, as a user sees it: what runs, what an interruption says, and pipes that close.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::lenet::{COMPILE, keys};
use super::text;

/// A program whose standard output and error are one pseudo-terminal.
struct Session {
    child: Child,
    /// What it wrote, and when.
    written: Receiver<(Instant, Vec<u8>)>,
    start: Instant,
}

/// What a program left on its terminal.
struct Screen {
    code: Option<i32>,
    text: String,
    /// The longest time without a change of the screen.
    pause: Duration,
}

impl Session {
    fn start(arguments: &[&str], folder: &Path) -> Session {
        let size = Winsize {
            ws_row: 24,
            ws_col: 100,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let terminal = openpty(&size, None).unwrap();
        let ours = terminal.slave;
        let child = Command::new(env!("CARGO_BIN_EXE_zkml"))
            .args(arguments)
            .current_dir(folder)
            .env("ZKML_TRUSTED_KEYS", folder.join("trusted"))
            .env("TERM", "xterm")
            .stdin(Stdio::null())
            .stdout(ours.try_clone().unwrap())
            .stderr(ours)
            .spawn()
            .unwrap();
        let start = Instant::now();
        let (sender, written) = channel();
        let mut screen = File::from(terminal.master);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Reading fails when the program has ended and its side is closed.
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                if sender.send((Instant::now(), bytes[..count].to_vec())).is_err() {
                    return;
                }
            }
        });
        Session {
            child,
            written,
            start,
        }
    }

    fn interrupt(&self) {
        kill(Pid::from_raw(self.child.id() as i32), Signal::SIGINT).unwrap();
    }

    /// Waits until the screen shows `words`.
    fn wait_for(&mut self, words: &str) {
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains(words) {
            let (_, bytes) = self.written.recv_timeout(Duration::from_secs(60)).expect(words);
            seen.extend(bytes);
        }
    }

    fn finish(mut self) -> Screen {
        let written: Vec<(Instant, Vec<u8>)> = self.written.iter().collect();
        let code = self.child.wait().unwrap().code();
        let times = written.iter().map(|(time, _)| *time);
        let starts = std::iter::once(self.start).chain(times.clone());
        let pause = starts.zip(times).map(|(earlier, later)| later - earlier).max();
        let bytes: Vec<u8> = written.into_iter().flat_map(|(_, bytes)| bytes).collect();
        Screen {
            code,
            text: String::from_utf8_lossy(&bytes).into_owned(),
            pause: pause.unwrap_or_default(),
        }
    }
}

fn run(arguments: &[&str], folder: &Path) -> Screen {
    Session::start(arguments, folder).finish()
}

#[test]
fn every_step_is_shown_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let shown = |arguments: &[&str], steps: &[&str]| {
        let Screen { code, text, pause } = run(arguments, folder);
        assert_eq!(code, Some(0), "{text}");
        for step in steps {
            assert!(text.contains(step), "no {step:?} in {text:?}");
        }
        assert!(!text.contains("0/0"), "{text:?}");
        // The display moves ten times a second; a busy machine may hold it up.
        assert!(
            pause < Duration::from_secs(1),
            "{pause:?} without progress: {text:?}"
        );
        text
    };
    shown(
        &COMPILE,
        &["loading the weights", "calibrating", "/64", "measuring passes"],
    );
    shown(&["setup", "lenet.model"], &["reading the model", "setup"]);
    std::fs::copy(keys().join("seven.png"), folder.join("seven.png")).unwrap();
    shown(
        &["prove", "--key", "lenet.pkey", "--input", "seven.png"],
        &["reading the key", "proving"],
    );
    let verified = shown(
        &["verify", "--key", "lenet.vkey", "--proof", "lenet.proof"],
        &["verifying", "valid\r\n", "class    7\r\n"],
    );
    // The display is gone when the answer comes.
    assert!(
        !verified[verified.rfind("valid").unwrap()..].contains("verifying"),
        "{verified:?}"
    );
    let rotate = [
        "rotate-key",
        "lenet.pkey",
        "-o",
        "new.pkey",
        "--verifying-key",
        "new.vkey",
    ];
    shown(&rotate, &["rotating the key", "wrote new.pkey (proving key, "]);
    shown(&["inspect", "lenet.vkey"], &["Conv2d(1, 6"]);
}

#[test]
fn nothing_moves_when_told_to_be_quiet() {
    let folder = tempfile::tempdir().unwrap();
    let screen = run(&["inspect", "--quiet", "lenet.vkey"], keys());
    assert_eq!((screen.code, screen.text.as_str()), (Some(0), ""));
    let screen = run(&["inspect", "--quiet", "none"], folder.path());
    assert_eq!(
        (screen.code, screen.text.as_str()),
        (Some(2), "error: none: no such file or folder\r\n")
    );
}

#[test]
fn an_interruption_is_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (further, said) in [
        (&[][..], "interrupted\r\n"),
        (
            &["--json"],
            "interrupted\r\n{\"error\":\"interrupted\",\"ok\":false}\r\n",
        ),
    ] {
        let mut session = Session::start(&[&COMPILE[..], &["--samples", "1000"], further].concat(), folder);
        session.wait_for("calibrating");
        session.interrupt();
        let screen = session.finish();
        assert_eq!(screen.code, Some(130), "{}", screen.text);
        assert!(screen.text.ends_with(said), "{:?}", screen.text);
        assert!(std::fs::read_dir(folder).unwrap().next().is_none());
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    for (arguments, code) in [
        (&["inspect", "lenet.vkey"][..], 0),
        (&["inspect", "--json", "lenet.vkey"], 0),
        (&["models"], 0),
        (&["man"], 0),
        (&["completions", "bash"], 0),
        (&["--help"], 0),
        (&["verify", "--key", "lenet.vkey", "--proof", "none", "--json"], 2),
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_zkml"))
            .args(arguments)
            .current_dir(keys())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        let errors = if code == 0 {
            ""
        } else {
            "error: none: no such file or folder\n"
        };
        assert_eq!(text(&output.stderr), errors, "{arguments:?}");
    }
}

/// The rest of a command is done when nobody reads its lines any more.
#[test]
fn files_are_written_when_nobody_reads_the_lines() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(keys().join("lenet.model"), folder.path().join("lenet.model")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_zkml"))
        .args(["setup", "lenet.model"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(folder.path().join("lenet.vkey").is_file());
}
