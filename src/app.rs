//! The commands: from flags to a run, and what the process says at its end.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use clap::{CommandFactory, Parser};
use indicatif::{ProgressBar, ProgressStyle};

use crate::addr::Addr;
use crate::attribute::{Attribution, reserved};
use crate::cli::{BodiesArgs, Cli, Command, CommonArgs, ExplainArgs, GeoArgs, IndicatorsCommand, LiveArgs, ReadArgs, RunArgs};
use crate::config::{self, Config, ConfigError};
use crate::detect::{Keep, Shared, ics, payload};
use crate::explain::{self, ExplainError};
use crate::indicators::Rules;
use crate::keyed::Keyed;
use crate::pipeline::{self, Pipeline, RunError};
use crate::protocol::digits;
use crate::report::{AssetFile, Directory, Ndjson, ReportError, Reporter, SampleFolder, Sink, Terminal};
use crate::source::{Files, FilesOptions, Input, Live, LiveOptions, SourceError};

/// Done.
const DONE: u8 = 0;
/// The work failed.
const FAILED: u8 = 1;
/// Wrong usage.
const USAGE: u8 = 2;

/// How often the progress bar is drawn anew.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum AppError {
    #[error("{0}")]
    Config(#[from] ConfigError),
    #[error("{0}")]
    Source(#[from] SourceError),
    #[error("{0}")]
    Run(#[from] RunError),
    #[error("{0}")]
    Report(#[from] ReportError),
    #[error("{0}")]
    Explain(#[from] ExplainError),
    #[error("{0:?} is not an IP address")]
    Address(String),
    #[error("'{0}' is neither an address nor a network, name, URL or digest")]
    Value(String),
}

/// Parses the command line, runs it, and returns the exit code.
pub fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Read(args) => read(&args),
        Command::Live(args) => live(&args),
        Command::Explain(args) => explain(&args),
        Command::Geo(args) => geo(&args),
        Command::Bodies(args) => bodies(&args),
        Command::Indicators(args) => indicators(args.command),
        Command::Config(args) => Config::new(&args.common, None).map_err(Into::into).and_then(|config| say(&config.describe())),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "wherefrom", &mut script);
            say(&String::from_utf8_lossy(&script))
        }
        Command::Man => manual().map_err(|cause| ReportError::Stdout(cause).into()).and_then(|page| say(&page)),
    };
    match done {
        Ok(()) => ExitCode::from(DONE),
        // Whoever reads from us has read enough.
        Err(AppError::Run(RunError::Report(ReportError::Stdout(cause))) | AppError::Report(ReportError::Stdout(cause)))
            if cause.kind() == io::ErrorKind::BrokenPipe =>
        {
            ExitCode::from(DONE)
        }
        Err(error) => {
            complain(&error);
            ExitCode::from(if matches!(error, AppError::Config(_) | AppError::Address(_) | AppError::Value(_)) { USAGE } else { FAILED })
        }
    }
}

/// The manual: a page for the program, then one for each command with its options. Pages may follow each other in one file.
fn manual() -> io::Result<String> {
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let mut pages = Vec::new();
    let commands = program.get_subcommands().filter(|command| !command.is_hide_set());
    for command in std::iter::once(&program).chain(commands.flat_map(|command| std::iter::once(command).chain(command.get_subcommands()))) {
        clap_mangen::Man::new(command.clone()).render(&mut pages)?;
    }
    Ok(String::from_utf8_lossy(&pages).into_owned())
}

/// Tells standard error; if nobody listens there, the exit code still does.
fn complain(what: &dyn std::fmt::Display) {
    let _ = writeln!(io::stderr(), "wherefrom: {what}");
}

fn say(text: &str) -> Result<(), AppError> {
    io::stdout().write_all(text.as_bytes()).map_err(|cause| ReportError::Stdout(cause).into())
}

fn read(args: &ReadArgs) -> Result<(), AppError> {
    let config = Config::new(&args.run.common, Some(&args.run))?;
    let options = FilesOptions { limit: args.limit, filter: args.run.filter.clone() };
    let files = Files::open(&args.files, &options)?;
    // Records are for a program, on a terminal too: nothing is drawn between them.
    let progress = (!args.run.json).then(|| Progress::new(&files));
    let input = args.files.iter().map(|path| name_of(path)).collect();
    complain_of_lists(&config);
    let record = config.run_record(&args.run, input, args.limit);
    run(config, record, &args.run, Input::Files(Box::new(files)), Keyed::fixed(), progress)
}

/// A file's name in records: without its folders, which differ between machines while the answer must not.
fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn live(args: &LiveArgs) -> Result<(), AppError> {
    let config = Config::new(&args.run.common, Some(&args.run))?;
    let options = LiveOptions {
        promiscuous: !args.no_promiscuous,
        snap_bytes: args.snap,
        ring_bytes: args.ring * 1024 * 1024,
        filter: args.run.filter.clone(),
        ..LiveOptions::default()
    };
    let live = Live::open(&args.interface, &options)?;
    complain_of_lists(&config);
    let record = config.run_record(&args.run, vec![args.interface.clone()], None);
    run(config, record, &args.run, Input::Live(Box::new(live)), Keyed::random(), None)
}

/// Says what in the lists of indicators could not be understood.
fn complain_of_lists(config: &Config) {
    for list in config.indicators.lists().iter().filter(|list| list.refused > 0) {
        let first = list.refusals.iter().find(|refusal| !refusal.unsupported);
        let first = first.map(|first| format!("; the first is line {}: {}: '{}'", first.line, first.reason, first.text));
        complain(&format!("indicators {}: lines that were not understood: {}{}", list.name, list.refused, first.unwrap_or_default()));
    }
}

fn run(
    config: Config,
    record: crate::report::RunRecord,
    args: &RunArgs,
    input: Input,
    keyed: Keyed,
    progress: Option<Progress>,
) -> Result<(), AppError> {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    // A second one, where the first is not heard, ends the process as usual: the handler can only be set once.
    if ctrlc::set_handler(move || asked.store(true, Ordering::Relaxed)).is_err() {
        complain(&"Ctrl-C will end the run without its last window");
    }
    let frames = Arc::new(AtomicU64::new(0));
    let bar = progress.as_ref().map_or_else(ProgressBar::hidden, |progress| progress.bar.clone());
    let sinks = sinks(args, bar)?;
    let shown = progress.map(|progress| progress.show(frames.clone()));
    let samples = args.save_samples.as_deref().map(|folder| SampleFolder::open(folder, &config.settings)).transpose()?;
    let unsaved = samples.as_ref().map(SampleFolder::unsaved);
    let indicators = config.indicators.clone();
    let done = run_to((sinks, samples), config, record, input, keyed, Outside { stop, frames, ends_process: true });
    drop(shown);
    if let Some(unsaved) = unsaved.map(|unsaved| unsaved.load(Ordering::Relaxed)).filter(|&unsaved| unsaved > 0) {
        complain(&format_args!("samples that were not saved, beyond the settings samples.*: {unsaved}"));
    }
    if let Some(skipped) = indicators.rules().map(Rules::skipped).filter(|&skipped| skipped > 0) {
        complain(&format_args!("delivered files that were not scanned with YARA rules, beyond bounds: {skipped}"));
    }
    Ok(done?)
}

/// What a run has to do with those around it; see [`Pipeline`].
struct Outside {
    stop: Arc<AtomicBool>,
    frames: Arc<AtomicU64>,
    ends_process: bool,
}

/// Runs an input through the pipeline to these sinks, and to a folder of samples if there is one.
fn run_to(
    (sinks, samples): (Vec<Box<dyn Sink>>, Option<SampleFolder>),
    config: Config,
    record: crate::report::RunRecord,
    input: Input,
    keyed: Keyed,
    Outside { stop, frames, ends_process }: Outside,
) -> Result<(), RunError> {
    let mut lookup = if config.settings.ics.protocols == 0 { ics::Lookup::none() } else { ics::Lookup::new() };
    lookup.things_abroad = config.settings.ics.things_abroad != 0;
    let lookup = Arc::new(lookup);
    let keep = Keep { evidence: config.keep_evidence, ..Keep::default() };
    let keep = if samples.is_some() || config.indicators.rules().is_some() { keep.with_samples(&config.settings) } else { keep };
    let shared = Shared {
        keyed,
        database: config.database.clone(),
        lookup,
        indicators: config.indicators.clone(),
        dark: config.dark.clone(),
        entries: config.entries(),
        keep,
        window_s: config.window_s,
    };
    let is_live = matches!(input, Input::Live(_));
    let mut reporter = Reporter::new(record, config.settings, config.lists, &shared, sinks, is_live);
    if let Some(samples) = samples {
        reporter = reporter.with_samples(samples);
    }
    pipeline::run(
        Pipeline { shared, home: config.home, workers: config.workers, threads: config::cores(), stop, frames, ends_process },
        input,
        reporter,
    )
}

fn explain(args: &ExplainArgs) -> Result<(), AppError> {
    let config = || Config::new(&args.run.common, Some(&args.run));
    let first = config()?;
    let options = FilesOptions { limit: args.limit, filter: args.run.filter.clone() };
    let replay = |window_s: u32, sink: Box<dyn Sink>, stop: Arc<AtomicBool>| -> Result<(), AppError> {
        let mut config = config()?;
        config.window_s = window_s;
        // The event is asked for by name: it must not be one of those that are only counted.
        config.settings.output.events_per_window = u64::MAX;
        let input = args.files.iter().map(|path| name_of(path)).collect();
        let record = config.run_record(&args.run, input, args.limit);
        let files = Files::open(&args.files, &options)?;
        let outside = Outside { stop, frames: Arc::default(), ends_process: false };
        Ok(run_to((vec![sink], None), config, record, Input::Files(Box::new(files)), Keyed::fixed(), outside)?)
    };
    let told = explain::explain(&args.id, first.window_s, &first.settings, replay, || Files::open(&args.files, &options))?;
    if args.run.json {
        let line = serde_json::to_string(&told).map_err(|cause| ReportError::Stdout(cause.into()))?;
        return say(&format!("{line}\n"));
    }
    say(&told.to_string())
}

/// Standard output shows tables to a person and NDJSON to a program, unless the records go into a folder.
fn sinks(args: &RunArgs, bar: ProgressBar) -> Result<Vec<Box<dyn Sink>>, AppError> {
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    let terminal = io::stdout().is_terminal();
    if args.json || !terminal && args.output.is_none() {
        sinks.push(Box::new(Ndjson::new(io::stdout(), ReportError::Stdout)));
    } else {
        sinks.push(Box::new(Terminal::new(Above { bar })));
    }
    if let Some(folder) = &args.output {
        sinks.push(Box::new(Directory::create(folder)?));
    }
    if args.events.is_some() || args.counts.is_some() || args.capture.is_some() {
        sinks.push(Box::new(Directory::files(args.events.as_deref(), args.counts.as_deref(), args.capture.as_deref())?));
    }
    if let Some(path) = &args.assets {
        sinks.push(Box::new(AssetFile::create(path)?));
    }
    Ok(sinks)
}

fn geo(args: &GeoArgs) -> Result<(), AppError> {
    let config = Config::new(&args.common, None)?;
    let database = &config.database;
    let built = database.build_date.as_deref().unwrap_or("unknown date");
    if !args.json {
        say(&format!("# {} ({built}), sha256 {}\n", database.name, database.sha256))?;
    }
    for text in &args.addresses {
        let addr: Addr = text.parse().map_err(|_| AppError::Address(text.escape_default().to_string()))?;
        let country = database.table.country_of(addr);
        let home = config.home.contains(addr);
        let block = reserved(addr).filter(|_| !home);
        let attribution = Attribution::of(addr, home, country, false).name();
        if args.json {
            let line = serde_json::json!({
                "ip": addr.to_string(), "country_iso_code": country.code(), "country_name": country.name(),
                "attribution": attribution, "home": home, "reserved": block, "database": database.name, "build_date": database.build_date,
            });
            say(&format!("{line}\n"))?;
        } else {
            let more = block.map(|block| format!("  ({block})")).unwrap_or_default();
            let home = if home { "  home" } else { "" };
            say(&format!("{addr:<39} {} {:<24} {attribution}{more}{home}\n", country.code(), country.name()))?;
        }
    }
    Ok(())
}

fn bodies(args: &BodiesArgs) -> Result<(), AppError> {
    let config = Config::new(&args.common, None)?;
    let files = Files::open(&args.files, &FilesOptions::default())?;
    let (listed, readings) = payload::bodies::list(Input::Files(Box::new(files)), config.home)?;
    for body in listed {
        let sha256 = body.sha256.map(|sha256| digits::written(&sha256));
        let line = serde_json::json!({
            "time_ns": body.time_ns, "sender": body.sender, "receiver": body.receiver, "url": body.url, "file_name": body.file_name,
            "status": body.status, "bytes": body.bytes, "sha256": sha256, "complete": body.complete, "ambiguous": body.ambiguous,
        });
        say(&format!("{line}\n"))?;
    }
    complain(&format_args!("{readings:?}"));
    Ok(())
}

/// What lists are, or what they know.
fn indicators(command: IndicatorsCommand) -> Result<(), AppError> {
    let load = |common: &CommonArgs, indicators: Vec<PathBuf>| {
        Config::new(common, Some(&RunArgs { indicators, ..RunArgs::default() })).map(|config| config.indicators)
    };
    match command {
        IndicatorsCommand::Check { common, files } => {
            let known = load(&common, files)?;
            known.lists().iter().try_for_each(|list| say(&list.to_string()))
        }
        IndicatorsCommand::Lookup { common, indicators, values } => {
            let known = load(&common, indicators)?;
            values.iter().try_for_each(|value| match known.describe(value) {
                Some(text) => say(&text),
                None => Err(AppError::Value(value.escape_default().to_string())),
            })
        }
    }
}

/// A bar with frames a second while a capture is replayed; drawn only where a person looks.
struct Progress {
    bar: ProgressBar,
    bytes: Arc<AtomicU64>,
}

impl Progress {
    fn new(files: &Files) -> Self {
        let bar = match files.total_bytes() {
            _ if !io::stderr().is_terminal() || !io::stdout().is_terminal() => ProgressBar::hidden(),
            Some(total) => ProgressBar::new(total).with_style(style("{bar:30} {percent:>3}% {msg} {eta} left")),
            None => ProgressBar::new_spinner().with_style(style("{spinner} {msg}")),
        };
        Progress { bar, bytes: files.progress() }
    }

    /// Draws until what it returns is dropped.
    fn show(self, frames: Arc<AtomicU64>) -> impl Drop {
        struct Shown {
            stop: Arc<AtomicBool>,
            thread: Option<std::thread::JoinHandle<()>>,
        }
        impl Drop for Shown {
            fn drop(&mut self) {
                self.stop.store(true, Ordering::Relaxed);
                if let Some(thread) = self.thread.take() {
                    // The thread only draws; a panic in it is no reason to lose a result.
                    let _ = thread.join();
                }
            }
        }
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        if self.bar.is_hidden() {
            return Shown { stop, thread: None };
        }
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let per_s = frames.load(Ordering::Relaxed) as f64 / self.bar.elapsed().as_secs_f64().max(0.001);
                self.bar.set_position(self.bytes.load(Ordering::Relaxed));
                self.bar.set_message(format!("{:.2} million frames/s", per_s / 1e6));
                std::thread::sleep(PROGRESS_EVERY);
            }
            self.bar.finish_and_clear();
        });
        Shown { stop, thread: Some(thread) }
    }
}

/// Standard output, above a bar that may be drawn on the same terminal: the bar makes room for each text, and is drawn again below it.
struct Above {
    bar: ProgressBar,
}

impl Write for Above {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bar.suspend(|| io::stdout().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
