//! Spans of `tracing`, kept with their times.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// A layer for `tracing_subscriber` that keeps every span: when it was entered and left, on which thread, and inside
/// which others. Clones share what they keep.
///
/// ```
/// use tracing_subscriber::prelude::*;
/// let recorder = zkml::observe::Recorder::new();
/// let subscriber = tracing_subscriber::registry().with(recorder.clone());
/// tracing::subscriber::with_default(subscriber, || tracing::info_span!("work").in_scope(|| 1 + 1));
/// assert_eq!(recorder.stages()[0].name, "work");
/// ```
#[derive(Debug, Clone)]
pub struct Recorder {
    start: Instant,
    log: Arc<Mutex<Log>>,
}

#[derive(Debug, Default)]
struct Log {
    events: Vec<Event>,
    threads: Vec<ThreadId>,
}

/// A span from one entry to the exit after it.
#[derive(Debug, Clone)]
struct Event {
    name: &'static str,
    fields: String,
    /// Names of the spans around it, outermost first, then its own, separated by `;`.
    path: String,
    thread: usize,
    start: Duration,
    length: Duration,
}

/// Time spent in one kind of span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageTime {
    /// Names of the spans around it, outermost first, and its own: `prove;lookup;lookup layer`.
    pub path: String,
    /// Its own name.
    pub name: &'static str,
    /// Number of spans around it.
    pub depth: usize,
    /// How often it was entered.
    pub count: usize,
    /// Sum of its times. Spans that run on several threads at once all count, so it can exceed the elapsed time.
    pub time: Duration,
}

/// What a span carries from its creation to its exit.
struct Carried {
    fields: String,
    path: String,
    entered: Instant,
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

impl Recorder {
    /// A recorder without spans; its clock starts now.
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            log: Arc::default(),
        }
    }

    /// Records all spans of this program from now on. Returns `false` if the program has a subscriber already.
    pub fn install(&self) -> bool {
        let subscriber = tracing_subscriber::registry().with(self.clone());
        tracing::subscriber::set_global_default(subscriber).is_ok()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what was kept so far.
    pub fn clear(&self) {
        self.log().events.clear();
    }

    /// The trace in Chrome's JSON format, which <https://ui.perfetto.dev> and `chrome://tracing` show as a flame view.
    pub fn chrome_trace(&self) -> Value {
        let microseconds = |time: Duration| time.as_nanos() as f64 / 1000.0;
        let log = self.log();
        let events: Vec<Value> = log
            .events
            .iter()
            .map(|event| {
                json!({
                    "name": event.name, "cat": "zkml", "ph": "X", "pid": 1, "tid": event.thread,
                    "ts": microseconds(event.start), "dur": microseconds(event.length),
                    "args": { "fields": event.fields },
                })
            })
            .collect();
        json!({ "traceEvents": events, "displayTimeUnit": "ms" })
    }

    /// Folded stacks, the input of `inferno-flamegraph` and `flamegraph.pl`. Each path has a line
    /// `outer;inner microseconds`, with the time that was not spent in spans further inside.
    pub fn folded_stacks(&self) -> String {
        let stages = self.stages();
        let mut inside: BTreeMap<&str, Duration> = BTreeMap::new();
        for stage in &stages {
            if let Some((outer, _)) = stage.path.rsplit_once(';') {
                *inside.entry(outer).or_default() += stage.time;
            }
        }
        let mut text = String::new();
        for stage in &stages {
            let inner = inside.get(stage.path.as_str()).copied().unwrap_or_default();
            let own = stage.time.saturating_sub(inner).as_micros();
            // Writing to a string does not fail.
            let _ = writeln!(text, "{} {own}", stage.path);
        }
        text
    }

    /// The time spent in each kind of span, in the order of their first entry.
    pub fn stages(&self) -> Vec<StageTime> {
        let log = self.log();
        let mut order: Vec<&Event> = log.events.iter().collect();
        order.sort_by_key(|event| (event.start, std::cmp::Reverse(event.length)));
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        let mut stages: Vec<StageTime> = Vec::new();
        for event in order {
            let place = *places.entry(&event.path).or_insert_with(|| {
                stages.push(StageTime {
                    path: event.path.clone(),
                    name: event.name,
                    depth: event.path.matches(';').count(),
                    count: 0,
                    time: Duration::ZERO,
                });
                stages.len() - 1
            });
            if let Some(stage) = stages.get_mut(place) {
                stage.count += 1;
                stage.time += event.length;
            }
        }
        stages
    }
}

/// Collects the fields of a span as `name=value`.
struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let space = if self.0.is_empty() { "" } else { " " };
        let _ = write!(self.0, "{space}{}={value:?}", field.name());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = String::new();
        attributes.record(&mut Fields(&mut fields));
        let names: Vec<&str> = span.scope().from_root().map(|span| span.name()).collect();
        span.extensions_mut().insert(Carried {
            fields,
            path: names.join(";"),
            entered: Instant::now(),
        });
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(carried) = span.extensions_mut().get_mut::<Carried>()
        {
            carried.entered = Instant::now();
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let now = Instant::now();
        let Some(span) = context.span(id) else { return };
        let extensions = span.extensions();
        let Some(carried) = extensions.get::<Carried>() else {
            return;
        };
        let current = std::thread::current().id();
        let mut log = self.log();
        let thread = match log.threads.iter().position(|thread| *thread == current) {
            Some(thread) => thread,
            None => {
                log.threads.push(current);
                log.threads.len() - 1
            }
        };
        log.events.push(Event {
            name: span.name(),
            fields: carried.fields.clone(),
            path: carried.path.clone(),
            thread,
            start: carried.entered.saturating_duration_since(self.start),
            length: now.saturating_duration_since(carried.entered),
        });
    }
}

#[cfg(test)]
mod tests {
    use tracing::info_span;
    use tracing_subscriber::prelude::*;

    use super::*;

    fn recorded() -> Recorder {
        let recorder = Recorder::new();
        let subscriber = tracing_subscriber::registry().with(recorder.clone());
        tracing::subscriber::with_default(subscriber, || {
            let _outer = info_span!("outer").entered();
            for layer in 0..3 {
                info_span!("inner", layer).in_scope(|| std::thread::sleep(Duration::from_millis(2)));
            }
        });
        recorder
    }

    #[test]
    fn stages_add_up_by_path() {
        let stages = recorded().stages();
        let names: Vec<(&str, usize, usize)> = stages
            .iter()
            .map(|stage| (stage.path.as_str(), stage.depth, stage.count))
            .collect();
        assert_eq!(names, [("outer", 0, 1), ("outer;inner", 1, 3)]);
        assert!(stages[0].time >= stages[1].time && stages[1].time >= Duration::from_millis(6));
    }

    #[test]
    fn both_formats_hold_every_span() {
        let recorder = recorded();
        let trace = recorder.chrome_trace();
        let events = trace["traceEvents"].as_array().unwrap();
        assert_eq!(events.len(), 4);
        assert_eq!(events[1]["args"]["fields"], "layer=1");
        assert!(
            events
                .iter()
                .all(|event| event["dur"].as_f64().unwrap() >= 2000.0)
        );
        let folded = recorder.folded_stacks();
        let lines: Vec<(&str, u64)> = folded
            .lines()
            .map(|line| line.rsplit_once(' ').unwrap())
            .map(|(path, time)| (path, time.parse().unwrap()))
            .collect();
        assert_eq!(lines[1].0, "outer;inner");
        // What is inside is not counted twice.
        assert!(lines[0].1 < lines[1].1);
        recorder.clear();
        assert!(recorder.stages().is_empty());
    }
}
