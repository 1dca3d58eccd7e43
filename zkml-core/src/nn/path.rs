//! Names of parameters: the keys of a PyTorch state dict.

use core::fmt;

/// Where a layer stands in its model, `layers.3.mlp.down_proj`. The root is empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ParameterPath(String);

impl ParameterPath {
    /// The path of a whole model.
    pub fn root() -> ParameterPath {
        ParameterPath::default()
    }

    /// The path of the child `name`: a field, or the index of a repeated block.
    pub fn join(&self, name: impl fmt::Display) -> ParameterPath {
        if self.0.is_empty() {
            ParameterPath(name.to_string())
        } else {
            ParameterPath(format!("{}.{name}", self.0))
        }
    }

    /// The path as a state-dict key has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ParameterPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
