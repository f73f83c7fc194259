//! Turning a text into UTF-8 while it is read.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use encoding_rs::mem::convert_latin1_to_utf8;
use encoding_rs::{DecoderResult, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::{Encoding, InvalidBytes};

/// Bytes asked from the input at once.
const BLOCK: usize = 64 << 10;
/// Stands for what is not valid in the encoding, where that is to be a bad row: no UTF-8 has it.
const INVALID: &[u8] = b"\xff";
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();

/// A text as UTF-8, whatever its encoding.
///
/// UTF-8 passes through as it is, unless invalid bytes are to be replaced. What is not valid in
/// another encoding (half a surrogate pair or half a character, in UTF-16) becomes U+FFFD or, with
/// [`InvalidBytes::Fail`], the byte `0xff`, which no UTF-8 has, so that decoders find a bad row
/// there. A byte order mark of UTF-16 is left out.
///
/// ```
/// use std::io::{Cursor, Read};
/// use velo_format::{Encoding, InvalidBytes, encoding::TextReader};
/// let input = Box::new(Cursor::new(b"\xfe\xff\0i\0d\0\n"));
/// let mut text = String::new();
/// TextReader::new(Encoding::Utf8, InvalidBytes::Fail, input).read_to_string(&mut text)?;
/// assert_eq!(text, "id\n");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TextReader {
    invalid: InvalidBytes,
    state: State,
    transcodes: Arc<AtomicBool>,
}

enum State {
    /// Nothing has been read yet.
    Fresh(Encoding, Box<dyn Read + Send>),
    /// The bytes are taken as they are; the first two were looked at.
    Plain {
        head: Vec<u8>,
        input: Box<dyn Read + Send>,
    },
    Transcoded(Box<Transcoder>),
    Failed,
}

impl TextReader {
    /// Reads a text; nothing is read of the input before the first call of `read`.
    #[must_use]
    pub fn new(encoding: Encoding, invalid: InvalidBytes, input: Box<dyn Read + Send>) -> Self {
        Self {
            invalid,
            state: State::Fresh(encoding, input),
            transcodes: Arc::default(),
        }
    }

    /// Gives what says whether the input's bytes are not those of the text; certain after the
    /// first `read`.
    #[must_use]
    pub fn transcodes(&self) -> Arc<AtomicBool> {
        self.transcodes.clone()
    }

    /// Looks at the first bytes.
    fn begin(&mut self, encoding: Encoding, mut input: Box<dyn Read + Send>) -> io::Result<()> {
        let mut head = Vec::new();
        (&mut input).take(2).read_to_end(&mut head)?;
        let found = encoding.of_text(&head);
        self.state = if found == Encoding::Utf8 && self.invalid == InvalidBytes::Fail {
            State::Plain { head, input }
        } else {
            self.transcodes.store(true, Ordering::Release);
            let transcoder = Transcoder::new(found, self.invalid, head, input);
            State::Transcoded(Box::new(transcoder))
        };
        Ok(())
    }
}

impl Read for TextReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Fresh(encoding, input) => self.begin(encoding, input)?,
            other => self.state = other,
        }
        match &mut self.state {
            State::Plain { head, input } if head.is_empty() => input.read(buffer),
            State::Plain { head, .. } => {
                let count = head.len().min(buffer.len());
                buffer[..count].copy_from_slice(&head[..count]);
                head.drain(..count);
                Ok(count)
            }
            State::Transcoded(transcoder) => transcoder.read(buffer),
            State::Fresh(..) | State::Failed => Err(io::Error::other("text could not be begun")),
        }
    }
}

impl fmt::Debug for TextReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextReader")
            .field("transcodes", &self.transcodes)
            .finish_non_exhaustive()
    }
}

/// Turns blocks of another encoding into UTF-8.
struct Transcoder {
    input: Box<dyn Read + Send>,
    decoder: Decoder,
    replacement: &'static [u8],
    raw: Vec<u8>,
    /// Bytes of `raw` that were read with the text's start and are not transcoded yet.
    head: usize,
    text: Vec<u8>,
    given: usize,
    ended: bool,
}

enum Decoder {
    /// ISO 8859-1, whose bytes are the first 256 code points; the usual libraries take it for
    /// Windows-1252.
    Latin1,
    Standard(Box<encoding_rs::Decoder>),
}

impl Transcoder {
    fn new(
        encoding: Encoding,
        invalid: InvalidBytes,
        head: Vec<u8>,
        input: Box<dyn Read + Send>,
    ) -> Self {
        let standard = match encoding {
            Encoding::Latin1 => None,
            Encoding::Utf8 => Some(UTF_8.new_decoder_without_bom_handling()),
            Encoding::Utf16 | Encoding::Utf16Le => Some(UTF_16LE.new_decoder_with_bom_removal()),
            Encoding::Utf16Be => Some(UTF_16BE.new_decoder_with_bom_removal()),
            Encoding::Windows1252 => Some(WINDOWS_1252.new_decoder_without_bom_handling()),
        };
        let mut raw = head;
        let head = raw.len();
        raw.resize(BLOCK, 0);
        Self {
            input,
            decoder: standard.map_or(Decoder::Latin1, |it| Decoder::Standard(Box::new(it))),
            replacement: match invalid {
                InvalidBytes::Fail => INVALID,
                InvalidBytes::Replace => REPLACEMENT,
            },
            raw,
            head,
            text: Vec::new(),
            given: 0,
            ended: false,
        }
    }

    /// Transcodes the next block.
    fn advance(&mut self) -> io::Result<()> {
        let read = match self.head {
            0 => self.input.read(&mut self.raw)?,
            head => head,
        };
        self.head = 0;
        self.ended = read == 0;
        self.given = 0;
        let raw = &self.raw[..read];
        match &mut self.decoder {
            Decoder::Latin1 => {
                self.text.resize(2 * read, 0);
                let written = convert_latin1_to_utf8(raw, &mut self.text);
                self.text.truncate(written);
            }
            Decoder::Standard(decoder) => {
                decode(decoder, raw, self.ended, self.replacement, &mut self.text);
            }
        }
        Ok(())
    }
}

/// Decodes a block; characters that it cuts in two are kept by the decoder.
fn decode(
    decoder: &mut encoding_rs::Decoder,
    mut raw: &[u8],
    last: bool,
    replacement: &[u8],
    text: &mut Vec<u8>,
) {
    // No character has more bytes than three times its own in UTF-8; some may be kept from before.
    text.resize(3 * raw.len() + 16, 0);
    let mut written = 0;
    loop {
        let room = &mut text[written..];
        let (result, read, wrote) = decoder.decode_to_utf8_without_replacement(raw, room, last);
        raw = &raw[read..];
        written += wrote;
        match result {
            DecoderResult::InputEmpty => break,
            DecoderResult::OutputFull => text.resize(2 * text.len(), 0),
            DecoderResult::Malformed(..) => {
                if text.len() < written + replacement.len() {
                    text.resize(2 * text.len(), 0);
                }
                text[written..written + replacement.len()].copy_from_slice(replacement);
                written += replacement.len();
            }
        }
    }
    text.truncate(written);
}

impl Read for Transcoder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() {
            if self.ended {
                return Ok(0);
            }
            self.advance()?;
        }
        let left = &self.text[self.given..];
        let count = left.len().min(buffer.len());
        buffer[..count].copy_from_slice(&left[..count]);
        self.given += count;
        Ok(count)
    }
}
