//! `zkml compile FOREST.json`.

use std::path::Path;

use zkml::data;
use zkml::keys::CompiledModel;
use zkml::models::forest::{Forest, ForestOptions};
use zkml::proof::write_file;

use super::super::accuracy::show;
use super::super::console::Console;
use super::super::{CommandError, forest};
use super::Compile;
use super::samples::{digest, filled};

impl Compile {
    /// As [`Self::run`], of a decision forest.
    pub(super) fn run_forest(
        &self,
        file: &Path,
        path: &Path,
        existing: Option<CompiledModel>,
        mut console: Console<'_>,
    ) -> Result<(), CommandError> {
        let images = self.mean.is_some() || self.deviation.is_some() || self.pad.is_some();
        if images || self.weights.is_some() || self.strip_prefix.is_some() || !self.without.is_empty() {
            return Err(CommandError::Usage(format!(
                "{}: a decision forest has its weights in its file, takes no images and no passes: leave out --weights, \
                 --strip-prefix, --mean, --deviation, --pad and --without",
                file.display()
            )));
        }
        self.check_counts()?;
        let forest = console.spin("reading the forest", || Forest::open(file))?;
        let samples = self.samples(&[forest.features()], data::samples_with_missing, &console)?;
        let samples = filled(samples, self.batch);
        let rows = forest::rows(&samples, forest.features(), self.batch)?;
        let options = ForestOptions {
            batch: self.batch,
            missing: self.missing || rows.iter().flatten().any(|value| value.is_nan()),
            ..ForestOptions::default()
        };
        let classes = self.class_names()?;
        let privacy = self.privacy.privacy();
        let version = env!("CARGO_PKG_VERSION");
        let choices = format!("forest {version} {privacy:?} {classes:?} {options:?}");
        let source = digest(&choices, &[file.to_path_buf()], &rows)?;
        console.answer("model", self.name());
        if let Some(existing) = existing {
            if existing.network.record.source != Some(source) {
                return Err(CommandError::InTheWay {
                    path: path.to_path_buf(),
                });
            }
            console.kept("compiled model", path)?;
            return console.finish();
        }
        let (mut model, report) = forest::compile(file, &forest, &rows, &options, &mut console)?;
        if !classes.is_empty() && classes.len() != forest.targets() {
            return Err(CommandError::ClassNames {
                path: self.classes.clone().unwrap_or_default(),
                expected: forest.targets(),
                found: classes.len(),
            });
        }
        model.network.record.classes = classes;
        model.network.record.source = Some(source);
        show(&report, &mut console)?;
        let model = model.with_privacy(privacy);
        console.write("compiled model", path, |path| write_file(path, &model))?;
        console.line(&format!("next: zkml setup {}", path.display()))?;
        console.finish()
    }
}
