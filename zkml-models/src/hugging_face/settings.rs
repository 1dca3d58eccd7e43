//! Reading the settings of a `config.json`.

use core::fmt;

use serde_json::{Map, Value};

/// A setting that is missing, has no meaning, or asks for what the model does not have.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{key}`: expected {expected}, found {found}")]
pub struct ConfigError {
    /// The setting, `rope_scaling.factor`.
    pub key: String,
    /// What would have been right.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

zkml_core::debug_as_display!(ConfigError);

impl ConfigError {
    pub(crate) fn new(key: &str, expected: impl fmt::Display, found: impl fmt::Display) -> ConfigError {
        ConfigError {
            key: key.to_owned(),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }
}

/// The settings of a `config.json`, or of an object in it. A setting that is `null` is one that is not there.
pub(crate) struct Settings<'a> {
    /// Where the object stands; empty for the file itself.
    place: &'a str,
    values: Map<String, Value>,
}

impl<'a> Settings<'a> {
    pub(crate) fn parse(text: &str) -> Result<Settings<'a>, ConfigError> {
        let found = match serde_json::from_str(text) {
            Ok(Value::Object(values)) => return Ok(Settings { place: "", values }),
            Ok(other) => other.to_string(),
            Err(error) => error.to_string(),
        };
        Err(ConfigError::new("config", "a JSON object", found))
    }

    /// The full name of a setting.
    pub(crate) fn name(&self, key: &str) -> String {
        match self.place {
            "" => key.to_owned(),
            place => format!("{place}.{key}"),
        }
    }

    pub(crate) fn value(&self) -> Value {
        Value::Object(self.values.clone())
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key).filter(|value| !value.is_null())
    }

    /// Does the file speak of it, if only to say `null`?
    pub(crate) fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    fn refused(&self, key: &str, expected: impl fmt::Display) -> ConfigError {
        let found = self.get(key).map_or("nothing".to_owned(), Value::to_string);
        ConfigError::new(&self.name(key), expected, found)
    }

    /// The object `key`.
    pub(crate) fn child(&self, key: &'a str) -> Result<Option<Settings<'a>>, ConfigError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Object(values)) => Ok(Some(Settings {
                place: key,
                values: values.clone(),
            })),
            Some(_) => Err(self.refused(key, "an object")),
        }
    }

    pub(crate) fn positive(&self, key: &str) -> Result<usize, ConfigError> {
        let number = self.get(key).and_then(Value::as_u64);
        // A larger size would be no shape.
        let number = number.filter(|number| (1..1 << 48).contains(number));
        number
            .and_then(|number| usize::try_from(number).ok())
            .ok_or_else(|| self.refused(key, "a positive integer"))
    }

    pub(crate) fn positive_or(&self, key: &str, default: usize) -> Result<usize, ConfigError> {
        match self.get(key) {
            Some(_) => self.positive(key),
            None => Ok(default),
        }
    }

    /// An integer of at least 0.
    pub(crate) fn count_or(&self, key: &str, default: usize) -> Result<usize, ConfigError> {
        match self.get(key) {
            Some(Value::Number(number)) if number.as_u64() == Some(0) => Ok(0),
            _ => self.positive_or(key, default),
        }
    }

    /// A number of at least 0.
    pub(crate) fn number(&self, key: &str) -> Result<f64, ConfigError> {
        let number = self.get(key).and_then(Value::as_f64);
        let number = number.filter(|number| *number >= 0.0);
        number.ok_or_else(|| self.refused(key, "a number of at least 0"))
    }

    pub(crate) fn number_or(&self, key: &str, default: f64) -> Result<f64, ConfigError> {
        match self.get(key) {
            Some(_) => self.number(key),
            None => Ok(default),
        }
    }

    pub(crate) fn flag_or(&self, key: &str, default: bool) -> Result<bool, ConfigError> {
        match self.get(key) {
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(self.refused(key, "`true` or `false`")),
            None => Ok(default),
        }
    }

    /// One of these texts.
    pub(crate) fn expect(&self, key: &str, known: &[&'static str]) -> Result<&'static str, ConfigError> {
        let text = self.get(key).and_then(Value::as_str);
        let same = known.iter().find(|known| Some(**known) == text);
        let quoted: Vec<String> = known.iter().map(|known| format!("\"{known}\"")).collect();
        same.copied()
            .ok_or_else(|| self.refused(key, quoted.join(" or ")))
    }

    /// Refuses a setting that changes the model; `instead` says what the model does.
    pub(crate) fn absent(&self, key: &str, instead: &str) -> Result<(), ConfigError> {
        match self.get(key) {
            None => Ok(()),
            Some(_) => Err(self.refused(key, format!("nothing: {instead}"))),
        }
    }

    /// Refuses a flag that is set; `instead` says what the model does.
    pub(crate) fn disabled(&self, key: &str, instead: &str) -> Result<(), ConfigError> {
        match self.flag_or(key, false)? {
            true => Err(self.refused(key, format!("false: {instead}"))),
            false => Ok(()),
        }
    }

    /// Weights are not quantized already.
    pub(crate) fn no_quantization(&self) -> Result<(), ConfigError> {
        self.absent("quantization_config", "weights in BF16, F16 or F32")
    }

    /// The class, if the file names one.
    pub(crate) fn architecture(&self, ours: &str) -> Result<(), ConfigError> {
        const KEY: &str = "architectures";
        let Some(Value::Array(architectures)) = self.get(KEY) else {
            return Ok(());
        };
        if architectures.is_empty() || architectures.contains(&Value::from(ours)) {
            return Ok(());
        }
        Err(self.refused(KEY, format!("`{ours}`")))
    }

    /// A number of heads, which divides a width.
    pub(crate) fn divisor(&self, key: &str, of: &str, width: usize) -> Result<usize, ConfigError> {
        let heads = self.positive(key)?;
        match width.is_multiple_of(heads) {
            true => Ok(heads),
            false => Err(self.refused(key, format!("a divisor of {of} = {width}"))),
        }
    }

    /// Which GELU an activation is, as [`GELU`](zkml_core::nn::GELU) names it. Others are refused.
    pub(crate) fn gelu(&self, key: &str, default: &'static str) -> Result<&'static str, ConfigError> {
        if self.get(key).is_none() {
            return Ok(default);
        }
        match self.expect(key, &["gelu", "gelu_new", "gelu_pytorch_tanh"])? {
            "gelu" => Ok("none"),
            _ => Ok("tanh"),
        }
    }

    /// Height and width: two numbers, or one for both.
    pub(crate) fn pair_or(&self, key: &str, default: usize) -> Result<[usize; 2], ConfigError> {
        let Some(Value::Array(sizes)) = self.get(key) else {
            return Ok([self.positive_or(key, default)?; 2]);
        };
        let size = |value: &Value| {
            let size = value.as_u64().filter(|size| (1..1 << 24).contains(size))?;
            usize::try_from(size).ok()
        };
        match sizes.as_slice() {
            [height, width] => size(height)
                .zip(size(width))
                .map(|(height, width)| [height, width]),
            _ => None,
        }
        .ok_or_else(|| self.refused(key, "a positive integer or two of them"))
    }
}
