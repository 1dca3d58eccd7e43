//! The words of a language model: its tokenizer, and what its configuration says of tokens.

use std::path::{Path, PathBuf};

use serde_json::Value;
use zkml_core::files;
use zkml_models::hugging_face::{ChatError, ChatTemplate, Message, Tokenizer, TokenizerError};

use crate::Error;

/// Text to ids and back, for one model. Whoever checks a proof needs it to read the text, and nothing else of the model.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    name: String,
    tokenizer: Tokenizer,
    /// Number of tokens of the model; the tokenizer may have fewer.
    size: usize,
    /// Most tokens of a text, where the configuration says it.
    context: Option<usize>,
    /// The token that a text begins with, where the configuration says it.
    begin: Option<u32>,
    /// Tokens after which a text ends.
    ends: Vec<u32>,
    /// How a question is put to a model for conversations.
    chat: Option<ChatTemplate>,
}

/// The files that it is read from.
const FILES: [&str; 2] = ["config.json", "tokenizer.json"];

/// Those that a model for conversations has beside them.
const CHAT_FILES: [&str; 2] = ["tokenizer_config.json", "chat_template.jinja"];

/// Most bytes of a `config.json`.
const CONFIG_BYTES: u64 = 1 << 24;

/// What configurations call the longest text: most families, and GPT-2.
const CONTEXT: [&str; 2] = ["max_position_embeddings", "n_positions"];

/// Tokens of a window of a text that is measured.
pub const WINDOW: usize = 256;

impl Vocabulary {
    /// That of the model in a directory of Hugging Face's form: `config.json` and `tokenizer.json`.
    ///
    /// # Errors
    /// [`Error::Vocabulary`] naming the file.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, Error> {
        let directory = directory.as_ref();
        let [config, tokens] = FILES.map(|file| directory.join(file));
        let refused = |expected: &str, found: String| Error::Vocabulary {
            file: config.clone(),
            expected: expected.to_owned(),
            found,
        };
        let text = files::read_to_string(&config, CONFIG_BYTES);
        let text = text.map_err(|error| refused("the configuration of a model", error.to_string()))?;
        let settings: Value =
            serde_json::from_str(&text).map_err(|error| refused("JSON", error.to_string()))?;
        let number = |key: &str| settings.get(key).and_then(Value::as_u64);
        let size = number("vocab_size").and_then(|size| usize::try_from(size).ok());
        let size = size.ok_or_else(|| refused("`vocab_size`, a number of tokens", "none".into()))?;
        let begin = number("bos_token_id").and_then(|id| u32::try_from(id).ok());
        let context = CONTEXT.iter().find_map(|key| number(key));
        let ends = match settings.get("eos_token_id") {
            None | Some(Value::Null) => Vec::new(),
            Some(value) => end_tokens(value)
                .ok_or_else(|| refused("`eos_token_id`, a token or a list of them", value.to_string()))?,
        };
        let tokenizer = Tokenizer::from_file(&tokens).map_err(|error| of_tokenizer(&tokens, error))?;
        if tokenizer.vocabulary() > size {
            return Err(Error::Vocabulary {
                file: tokens,
                expected: format!("token ids below vocab_size = {size}"),
                found: format!("{} ids", tokenizer.vocabulary()),
            });
        }
        Ok(Self {
            name: name_of(directory),
            tokenizer,
            size,
            context: context.and_then(|context| usize::try_from(context).ok()),
            begin,
            ends,
            chat: ChatTemplate::from_directory(directory).map_err(of_chat)?,
        })
    }

    /// The files in a directory that it is read from.
    pub fn files(directory: &Path) -> [PathBuf; 2] {
        FILES.map(|file| directory.join(file))
    }

    /// The files in a directory that say how a model is asked, if there are any.
    pub fn chat_files(directory: &Path) -> [PathBuf; 2] {
        CHAT_FILES.map(|file| directory.join(file))
    }

    /// Name of the model: that of its directory.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of tokens.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Most tokens of a text that the model was made for, where its configuration says it.
    pub fn context(&self) -> Option<usize> {
        self.context
    }

    /// The ids of a text, with the special tokens that the tokenizer adds.
    ///
    /// # Errors
    /// [`Error::Text`] for a text that cannot be encoded, and for one that begins twice: with the token that a text
    /// begins with, which the tokenizer may add as well.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        let ids = self.tokenizer.encode(text).map_err(of_text)?;
        match (self.begin, ids.as_slice()) {
            (Some(begin), [a, b, ..]) if [*a, *b] == [begin; 2] => Err(Error::Text {
                expected: "a text that begins once; the tokenizer may add the first token itself".into(),
                found: format!("{:?} twice", self.decode(&[begin])?),
            }),
            _ => Ok(ids),
        }
    }

    /// The ids of a text that goes on after another one: no special tokens are added.
    ///
    /// # Errors
    /// [`Error::Text`] for a text that cannot be encoded.
    pub fn encode_more(&self, text: &str) -> Result<Vec<u32>, Error> {
        self.tokenizer.encode_plain(text).map_err(of_text)
    }

    /// The first `most` windows of a text, each of [`WINDOW`] tokens; all of a shorter text. With `begin` each one begins
    /// with the token that the model's texts begin with, which counts as one of them.
    ///
    /// # Errors
    /// [`Error::Text`] for a text of fewer than two tokens, one that cannot be encoded, and a model whose texts begin
    /// with no token of their own.
    pub fn windows(&self, text: &str, most: usize, begin: bool) -> Result<Vec<Vec<u32>>, Error> {
        let refused = |expected: &str, found: String| Error::Text {
            expected: expected.to_owned(),
            found,
        };
        let (ids, first) = match (begin, self.begin) {
            (false, _) => (self.encode(text)?, Vec::new()),
            (true, Some(first)) => (self.encode_more(text)?, self.beginning(first)?),
            (true, None) => {
                return Err(refused(
                    "a model with a `bos_token_id`",
                    "none in config.json".into(),
                ));
            }
        };
        if first.first().is_some_and(|first| ids.first() == Some(first)) {
            return Err(refused("a text that begins once", "the first token twice".into()));
        }
        let own = (WINDOW - first.len()).min(ids.len());
        if ids.len() < 2 {
            return Err(refused("a text of at least 2 tokens", ids.len().to_string()));
        }
        let windows = ids.chunks_exact(own).take(most);
        Ok(windows.map(|own| [first.as_slice(), own].concat()).collect())
    }

    /// The token that texts begin with, if the model has it.
    fn beginning(&self, first: u32) -> Result<Vec<u32>, Error> {
        self.check(&[first])?;
        Ok(vec![first])
    }

    /// The ids of a question, as the chat template of the model puts it.
    ///
    /// # Errors
    /// [`Error::Text`] for a model without a template, and for a question that it does not take.
    pub fn encode_question(&self, question: &str) -> Result<Vec<u32>, Error> {
        let template = self.chat.as_ref().ok_or_else(|| Error::Text {
            expected: "a prompt, for the model has no chat template".into(),
            found: "a question".into(),
        })?;
        let text = template.render(&[Message::user(question)]).map_err(of_chat)?;
        // The template names all special tokens itself.
        self.encode_more(&text)
    }

    /// The text of ids.
    ///
    /// # Errors
    /// [`Error::Text`] for an id that the tokenizer does not have.
    pub fn decode(&self, ids: &[u32]) -> Result<String, Error> {
        self.check(ids)?;
        self.tokenizer.decode(ids).map_err(of_text)
    }

    /// Refuses ids that the model does not have.
    ///
    /// # Errors
    /// [`Error::Text`] with the first one.
    pub fn check(&self, ids: &[u32]) -> Result<(), Error> {
        match ids.iter().find(|id| **id as usize >= self.size) {
            Some(id) => Err(Error::Text {
                expected: format!("token ids below {}", self.size),
                found: id.to_string(),
            }),
            None => Ok(()),
        }
    }

    /// Refuses a text that is longer than the model was made for.
    ///
    /// # Errors
    /// [`Error::Text`].
    pub fn check_length(&self, tokens: usize) -> Result<(), Error> {
        match self.context {
            Some(context) if tokens > context => Err(Error::Text {
                expected: format!("a text of at most {context} tokens, which the model was made for"),
                found: format!("{tokens}, prompt and answer together"),
            }),
            _ => Ok(()),
        }
    }

    /// Does a text end after this token?
    pub fn ends(&self, token: u32) -> bool {
        self.ends.contains(&token)
    }
}

/// The name of a directory, however it is reached.
fn name_of(directory: &Path) -> String {
    let full = directory.canonicalize();
    let name = full.as_deref().unwrap_or(directory).file_name();
    name.map_or("model".into(), |name| name.to_string_lossy().into_owned())
}

fn end_tokens(value: &Value) -> Option<Vec<u32>> {
    let numbers = value
        .as_array()
        .map_or(core::slice::from_ref(value), Vec::as_slice);
    let id = |number: &Value| number.as_u64().and_then(|id| u32::try_from(id).ok());
    numbers.iter().map(id).collect()
}

fn of_tokenizer(file: &Path, error: TokenizerError) -> Error {
    Error::Vocabulary {
        file: file.to_path_buf(),
        expected: "a tokenizer as the `tokenizers` library writes it".into(),
        found: match error {
            TokenizerError::File { found, .. } => found,
            other => other.to_string(),
        },
    }
}

fn of_chat(error: ChatError) -> Error {
    let ChatError {
        file,
        expected,
        found,
    } = error;
    Error::Vocabulary {
        file,
        expected: expected.to_owned(),
        found,
    }
}

fn of_text(error: TokenizerError) -> Error {
    let (expected, found) = match error {
        TokenizerError::Decode { found } => ("token ids that the tokenizer can decode", found),
        TokenizerError::Encode { found } => ("a text that the tokenizer can encode", found),
        TokenizerError::File { found, .. } => ("a tokenizer", found),
        other => ("a text", other.to_string()),
    };
    Error::Text {
        expected: expected.into(),
        found,
    }
}
