//! What a request brings in: text by bytes, media by kind, and what makes the input larger than its body.

use super::tape::{Kind, Value};

/// What is not text in a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// Sound.
    Audio,
    /// Film.
    Video,
    /// A PDF or another file.
    Document,
}

/// One thing that is priced by table, not by its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Media {
    /// What it is.
    pub kind: MediaKind,
    /// Its encoded bytes in the body; `None` where it lies elsewhere, under a URL or a file's name.
    pub bytes: Option<u64>,
    /// Asked for in low detail.
    pub detail: Detail,
}

/// How closely a picture is to be looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Detail {
    /// The dearest that the model knows.
    #[default]
    Full,
    /// `low`
    Low,
}

/// Why the input may be larger than the body: its bound is then the model's context window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Open {
    /// An earlier conversation that the provider keeps is put in front.
    Earlier,
    /// A template that the provider keeps is filled in.
    Template,
    /// A tool that the provider runs brings in what it finds.
    Tool,
    /// The provider's cache holds a part of the prompt.
    Cached,
    /// A file that the provider keeps is read as text.
    File,
}

/// What a request brings in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// Bytes of the body that may be text. A token is at least one of them.
    pub bytes: u64,
    /// Messages or items, each with a frame of a few tokens.
    pub messages: u64,
    /// Tool definitions.
    pub tools: u64,
    /// What is priced by table.
    pub media: Vec<Media>,
    /// Why the input may be larger; empty where the body bounds it.
    pub open: Vec<Open>,
}

impl Input {
    /// Notes a reason for a larger input.
    pub fn open(&mut self, why: Open) {
        if !self.open.contains(&why) {
            self.open.push(why);
        }
    }

    /// Reads one part of a message, and the parts inside.
    pub fn part(&mut self, part: Value<'_>) {
        let kind = part.get("type").and_then(|word| word.string()).unwrap_or_default();
        match kind.as_ref() {
            "image_url" => self.url(MediaKind::Image, part.get("image_url")),
            "video_url" => self.url(MediaKind::Video, part.get("video_url")),
            "input_image" | "computer_screenshot" => self.referred(MediaKind::Image, part, "image_url"),
            "image_generation_call" => self.data(MediaKind::Image, part.get("result"), Detail::Full),
            "input_audio" => {
                let data = part.get("input_audio").and_then(|audio| audio.get("data"));
                self.data(MediaKind::Audio, data, Detail::Full);
            }
            "file" => match part.get("file") {
                Some(file) => self.referred(MediaKind::Document, file, "file_data"),
                None => self.open(Open::File),
            },
            "input_file" => self.referred(MediaKind::Document, part, "file_data"),
            "image" => self.source(MediaKind::Image, part.get("source")),
            "document" => self.source(MediaKind::Document, part.get("source")),
            "container_upload" => self.open(Open::File),
            "item_reference" | "compaction" => self.open(Open::Earlier),
            _ => {}
        }
        for inner in ["content", "output"] {
            if let Some(value) = part.get(inner) {
                self.parts(value);
            }
        }
    }

    /// Reads the parts of an array, or the one part of an object; text has none.
    pub fn parts(&mut self, value: Value<'_>) {
        match value.kind() {
            Kind::Array => value.elements().for_each(|part| self.part(part)),
            Kind::Object => self.part(value),
            _ => {}
        }
    }

    /// Reads Anthropic's source of a picture or document.
    fn source(&mut self, kind: MediaKind, source: Option<Value<'_>>) {
        let Some(source) = source else { return };
        match source.get("type").and_then(|word| word.string()).as_deref() {
            Some("base64") => {
                let mime = source.get("media_type").and_then(|mime| mime.string());
                let data = source.get("data").filter(|_| mime.is_some_and(|mime| suits(kind, &mime)));
                self.take(kind, data.filter(|data| is_base64(bare(*data))), Detail::Full);
            }
            // Text is counted as the text it is.
            Some("text") => {}
            Some("content") => source.get("content").into_iter().for_each(|content| self.parts(content)),
            _ => self.take(kind, None, Detail::Full),
        }
    }

    /// Reads an object or text with a URL.
    fn url(&mut self, kind: MediaKind, value: Option<Value<'_>>) {
        let Some(value) = value else { return };
        let detail = detail(value);
        let url = if value.kind() == Kind::Text { Some(value) } else { value.get("url") };
        self.data(kind, url, detail);
    }

    /// Reads a part that holds its data under `key`, or names a file or URL.
    fn referred(&mut self, kind: MediaKind, part: Value<'_>, key: &str) {
        match part.get(key).filter(|value| value.kind() == Kind::Text) {
            Some(value) => self.data(kind, Some(value), detail(part)),
            None => self.take(kind, None, detail(part)),
        }
    }

    /// Takes a URL's data, or bare data where its place says what it is.
    fn data(&mut self, kind: MediaKind, value: Option<Value<'_>>, detail: Detail) {
        let encoded = |value: &Value<'_>| match bare(*value).strip_prefix("data:") {
            Some(rest) => {
                rest.split_once(";base64,").is_some_and(|(mime, data)| suits(kind, mime) && is_base64(data))
            }
            None => kind != MediaKind::Document && is_base64(bare(*value)),
        };
        self.take(kind, value.filter(encoded), detail);
    }

    /// Takes encoded bytes off the text; `None` lies elsewhere, or may be text after all.
    fn take(&mut self, kind: MediaKind, encoded: Option<Value<'_>>, detail: Detail) {
        let bytes = encoded.map(|value| bare(value).len() as u64);
        self.bytes = self.bytes.saturating_sub(bytes.unwrap_or(0));
        if bytes.is_none() && kind != MediaKind::Image {
            self.open(Open::File);
        }
        self.media.push(Media { kind, bytes, detail });
    }

    /// Reads one of Gemini's parts.
    pub fn gemini_part(&mut self, part: Value<'_>) {
        if let Some(blob) = either(part, "inlineData", "inline_data") {
            let mime = either(blob, "mimeType", "mime_type").and_then(|mime| mime.string());
            // Without a media type it is text in another coat: its bytes count.
            if let Some(kind) = mime.as_deref().and_then(by_mime) {
                self.take(kind, blob.get("data").filter(|data| is_base64(bare(*data))), Detail::Full);
            }
        }
        if let Some(file) = either(part, "fileData", "file_data") {
            let mime = either(file, "mimeType", "mime_type").and_then(|mime| mime.string());
            self.take(mime.as_deref().and_then(by_mime).unwrap_or(MediaKind::Document), None, Detail::Full);
        }
        if let Some(answer) = either(part, "functionResponse", "function_response") {
            let parts = answer.get("parts");
            parts.into_iter().flat_map(|parts| parts.elements()).for_each(|part| self.gemini_part(part));
        }
    }
}

/// Returns a member under either of an API's two spellings.
pub fn either<'t>(object: Value<'t>, camel: &str, snake: &str) -> Option<Value<'t>> {
    object.get(camel).or_else(|| object.get(snake))
}

/// Returns a text as written, without its quotes.
fn bare(value: Value<'_>) -> &str {
    value.written().trim_matches('"')
}

fn detail(value: Value<'_>) -> Detail {
    if value.get("detail").is_some_and(|word| word.is("low")) { Detail::Low } else { Detail::Full }
}

fn by_mime(mime: &str) -> Option<MediaKind> {
    match mime.split_once('/') {
        Some(("image", _)) => Some(MediaKind::Image),
        Some(("audio", _)) => Some(MediaKind::Audio),
        Some(("video", _)) => Some(MediaKind::Video),
        Some(("application", "pdf")) => Some(MediaKind::Document),
        _ => None,
    }
}

fn suits(kind: MediaKind, mime: &str) -> bool {
    by_mime(mime.split(';').next().unwrap_or(mime)) == Some(kind)
}

fn is_base64(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'='))
}

#[cfg(test)]
mod tests {
    use super::super::tape::Tape;
    use super::*;

    #[track_caller]
    fn check(part: &str, media: &[(MediaKind, Option<u64>)], open: &[Open], taken: u64) {
        let tape = Tape::read(part.as_bytes()).unwrap_or_else(|why| panic!("{why}: {part}"));
        let mut input = Input { bytes: 1000, ..Input::default() };
        match tape.root().get("type") {
            Some(_) => input.part(tape.root()),
            None => input.gemini_part(tape.root()),
        }
        let seen: Vec<_> = input.media.iter().map(|media| (media.kind, media.bytes)).collect();
        assert_eq!(
            (seen.as_slice(), input.open.as_slice(), 1000 - input.bytes),
            (media, open, taken),
            "{part}"
        );
    }

    #[test]
    fn media_in_the_body_are_priced_by_table() {
        use MediaKind::{Audio, Document, Image, Video};
        let url = "data:image/png;base64,AAAA";
        check(
            &format!(r#"{{"type":"image_url","image_url":{{"url":"{url}"}}}}"#),
            &[(Image, Some(26))],
            &[],
            26,
        );
        check(&format!(r#"{{"type":"input_image","image_url":"{url}"}}"#), &[(Image, Some(26))], &[], 26);
        check(r#"{"type":"input_audio","input_audio":{"data":"AAAA"}}"#, &[(Audio, Some(4))], &[], 4);
        check(
            r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}}"#,
            &[(Image, Some(4))],
            &[],
            4,
        );
        check(
            r#"{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AA"}}"#,
            &[(Document, Some(2))],
            &[],
            2,
        );
        check(r#"{"inline_data":{"mime_type":"video/mp4","data":"AAAA"}}"#, &[(Video, Some(4))], &[], 4);
        check(
            r#"{"type":"input_file","file_data":"data:application/pdf;base64,AA"}"#,
            &[(Document, Some(30))],
            &[],
            30,
        );
    }

    #[test]
    fn media_elsewhere_take_nothing_off_the_text() {
        use MediaKind::{Document, Image};
        check(r#"{"type":"image_url","image_url":{"url":"https://x.test/a.png"}}"#, &[(Image, None)], &[], 0);
        check(r#"{"type":"input_file","file_id":"file_1"}"#, &[(Document, None)], &[Open::File], 0);
        check(r#"{"type":"image","source":{"type":"url","url":"https://x.test"}}"#, &[(Image, None)], &[], 0);
        check(
            r#"{"fileData":{"mimeType":"application/pdf","fileUri":"x"}}"#,
            &[(Document, None)],
            &[Open::File],
            0,
        );
        check(r#"{"fileData":{"fileUri":"x"}}"#, &[(Document, None)], &[Open::File], 0);
    }

    #[test]
    fn text_in_the_coat_of_a_picture_stays_text() {
        check(
            r#"{"type":"image_url","image_url":{"url":"data:text/plain;base64,AAAA"}}"#,
            &[(MediaKind::Image, None)],
            &[],
            0,
        );
        check(r#"{"type":"image_url","image_url":{"url":"two words"}}"#, &[(MediaKind::Image, None)], &[], 0);
        check(r#"{"type":"document","source":{"type":"text","data":"AAAA"}}"#, &[], &[], 0);
        check(r#"{"inlineData":{"mimeType":"text/plain","data":"AAAA"}}"#, &[], &[], 0);
        check(
            r#"{"type":"input_file","file_data":"AAAA"}"#,
            &[(MediaKind::Document, None)],
            &[Open::File],
            0,
        );
        check(r#"{"type":"text","image_url":{"url":"data:image/png;base64,AAAA"}}"#, &[], &[], 0);
    }

    #[test]
    fn parts_inside_parts_are_read() {
        let inner = r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}"#;
        check(
            &format!(r#"{{"type":"tool_result","content":[{inner}]}}"#),
            &[(MediaKind::Image, Some(4))],
            &[],
            4,
        );
        let screen = r#"{"type":"computer_screenshot","image_url":"data:image/png;base64,AA"}"#;
        check(
            &format!(r#"{{"type":"computer_call_output","output":{screen}}}"#),
            &[(MediaKind::Image, Some(24))],
            &[],
            24,
        );
    }
}
