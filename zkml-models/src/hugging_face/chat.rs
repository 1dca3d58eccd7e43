//! The template by which a model for conversations is asked: `chat_template` of `tokenizer_config.json`.

use std::path::{Path, PathBuf};

use minijinja::{Environment, Error, ErrorKind, Value, context};
use serde::Serialize;
use zkml_core::files;

/// Most bytes of a file; those of models have a few thousand.
const FILE_BYTES: u64 = 1 << 24;

/// Steps that a template may take: a loop over a conversation takes a few for each message.
const FUEL: u64 = 10_000_000;

/// One part of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Who speaks: `system`, `user` or `assistant`.
    pub role: String,
    /// What they say.
    pub content: String,
}

impl Message {
    /// What a user asks.
    pub fn user(content: impl Into<String>) -> Message {
        let (role, content) = ("user".to_owned(), content.into());
        Message { role, content }
    }
}

/// A template in the language Jinja, as Hugging Face's `apply_chat_template` runs it.
#[derive(Debug, Clone)]
pub struct ChatTemplate {
    file: PathBuf,
    source: String,
    /// Special tokens that templates name, such as `bos_token`.
    tokens: Vec<(String, String)>,
}

/// A template that cannot be read, or run on a conversation.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: expected {expected}, found {found}", file.display())]
pub struct ChatError {
    /// The file.
    pub file: PathBuf,
    /// What would have been right.
    pub expected: &'static str,
    /// What is wrong.
    pub found: String,
}

zkml_core::debug_as_display!(ChatError);

/// What Hugging Face's templates rely on beside Jinja itself.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_fuel(Some(FUEL));
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, message))
    });
    environment
}

impl ChatTemplate {
    /// The template of a directory of Hugging Face's form: `chat_template.jinja`, or `chat_template` in
    /// `tokenizer_config.json`. None if the model is for no conversations.
    ///
    /// # Errors
    /// A file that cannot be read, or is no template.
    pub fn from_directory(directory: impl AsRef<Path>) -> Result<Option<ChatTemplate>, ChatError> {
        let (file, own) = (
            directory.as_ref().join("tokenizer_config.json"),
            directory.as_ref().join("chat_template.jinja"),
        );
        if !file.exists() {
            return Ok(None);
        }
        let refused = |expected, found| ChatError {
            file: file.clone(),
            expected,
            found,
        };
        let config: serde_json::Value = serde_json::from_str(&read(&file)?)
            .map_err(|error| refused("a JSON object", error.to_string()))?;
        let source = match config.get("chat_template") {
            _ if own.exists() => read(&own)?,
            None | Some(serde_json::Value::Null) => return Ok(None),
            Some(serde_json::Value::String(source)) => source.clone(),
            // Several by name.
            Some(serde_json::Value::Array(templates)) => {
                let named = |template: &&serde_json::Value| template["name"] == "default";
                let default = templates.iter().find(named);
                let source = default.and_then(|template| template["template"].as_str());
                let source =
                    source.ok_or_else(|| refused("a template named `default`", "none".to_owned()))?;
                source.to_owned()
            }
            Some(other) => return Err(refused("`chat_template` as a text", other.to_string())),
        };
        let text = |value: &serde_json::Value| {
            let text = value.as_str().or_else(|| value.get("content")?.as_str());
            text.map(str::to_owned)
        };
        let tokens = config.as_object().into_iter().flatten();
        let tokens = tokens.filter(|(key, _)| key.ends_with("_token"));
        let tokens = tokens.filter_map(|(key, value)| Some((key.clone(), text(value)?)));
        let template = ChatTemplate {
            tokens: tokens.collect(),
            file: if own.exists() { own } else { file },
            source,
        };
        let parsed = environment().template_from_str(&template.source).map(drop);
        parsed.map_err(|error| template.failed("a template in Jinja", &error))?;
        Ok(Some(template))
    }

    /// The text that a model continues with its answer. It names all special tokens that it needs itself: its ids are
    /// those of [`Tokenizer::encode_plain`](super::Tokenizer::encode_plain).
    ///
    /// # Errors
    /// A conversation that the template refuses.
    pub fn render(&self, messages: &[Message]) -> Result<String, ChatError> {
        let tokens = self.tokens.iter().cloned().collect::<Value>();
        let given = context! { messages, add_generation_prompt => true, ..tokens };
        let rendered = environment().render_str(&self.source, given);
        rendered.map_err(|error| self.failed("a conversation that the template takes", &error))
    }

    fn failed(&self, expected: &'static str, error: &Error) -> ChatError {
        ChatError {
            file: self.file.clone(),
            expected,
            found: error.to_string(),
        }
    }
}

fn read(file: &Path) -> Result<String, ChatError> {
    files::read_to_string(file, FILE_BYTES).map_err(|error| ChatError {
        file: file.to_owned(),
        expected: "a file of a Hugging Face directory",
        found: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The templates of SmolLM2 and, in its way of writing, of Llama 3.
    const SMOLLM2: &str = "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ \
        '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}\
        {% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}\
        {% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
    const LLAMA3: &str = "{{- bos_token }}\n{%- for message in messages %}\n    {%- if message.role not in ['user', \
        'assistant', 'system'] %}\n        {{- raise_exception('no ' + message.role) }}\n    {%- endif %}\n    {{- \
        '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' }}\n\
        {%- endfor %}\n{%- if add_generation_prompt %}\n    {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}\n\
        {%- endif %}\n";

    fn template(source: serde_json::Value) -> Result<Option<ChatTemplate>, ChatError> {
        let directory = tempfile::tempdir().unwrap();
        let config = serde_json::json!({
            "bos_token": {"content": "<|begin_of_text|>"},
            "eos_token": "<|eot_id|>",
            "chat_template": source,
        });
        std::fs::write(directory.path().join("tokenizer_config.json"), config.to_string()).unwrap();
        ChatTemplate::from_directory(directory.path())
    }

    #[test]
    fn questions_are_put_as_hugging_face_puts_them() {
        let question = [Message::user(" What is the capital of France?")];
        let smollm2 = template(SMOLLM2.into()).unwrap().unwrap();
        assert_eq!(
            smollm2.render(&question).unwrap(),
            "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n\
             <|im_start|>user\n What is the capital of France?<|im_end|>\n<|im_start|>assistant\n"
        );
        let named = serde_json::json!([{"name": "default", "template": LLAMA3}]);
        let llama3 = template(named).unwrap().unwrap();
        assert_eq!(
            llama3.render(&question).unwrap(),
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nWhat is the capital of France?<|eot_id|>\
             <|start_header_id|>assistant<|end_header_id|>\n\n"
        );
        let role = "tool".to_owned();
        let refused = llama3.render(&[Message {
            role,
            ..question[0].clone()
        }]);
        assert!(refused.unwrap_err().found.contains("no tool"));
    }

    #[test]
    fn what_is_no_template_is_said() {
        assert!(template(serde_json::Value::Null).unwrap().is_none());
        assert!(ChatTemplate::from_directory("nowhere").unwrap().is_none());
        assert!(template("{% for %}".into()).is_err());
        assert!(template(7.into()).is_err());
        assert!(template(serde_json::json!([])).is_err());
        let endless =
            template("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}".into());
        assert!(endless.unwrap().unwrap().render(&[]).is_err());
    }
}
