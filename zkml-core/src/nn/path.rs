//! Names of parameters: the keys of a PyTorch state dict.

use core::fmt;

/// Where a layer stands in its model, `layers.3.mlp.down_proj`. The root is empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ParameterPath {
    path: String,
    /// Key of another layer's parameter, which the layer here uses in place of its own of the same last name.
    tied: Option<String>,
}

impl ParameterPath {
    /// The path of a whole model.
    pub fn root() -> ParameterPath {
        ParameterPath::default()
    }

    /// The path of the child `name`: a field, or the index of a repeated block.
    pub fn join(&self, name: impl fmt::Display) -> ParameterPath {
        let path = if self.path.is_empty() {
            name.to_string()
        } else {
            format!("{}.{name}", self.path)
        };
        ParameterPath { path, tied: None }
    }

    /// The same layer with the parameter at `key` in place of its own: with `model.embed_tokens.weight` the layer
    /// `lm_head` has no `lm_head.weight`.
    pub fn tied(self, key: &ParameterPath) -> ParameterPath {
        ParameterPath {
            tied: Some(key.path.clone()),
            ..self
        }
    }

    /// The key of the layer's parameter `name`, and whether it is another layer's.
    pub(super) fn parameter(&self, name: &str) -> (String, bool) {
        match &self.tied {
            Some(key) if key.rsplit('.').next() == Some(name) => (key.clone(), true),
            _ => (self.join(name).path, false),
        }
    }

    /// The path as a state-dict key has it.
    pub fn as_str(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for ParameterPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}
