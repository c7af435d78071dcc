//! The words of Rust code: as much of a lexer as paths need.

/// Names, numbers, `::` and single signs; comments, strings, characters and lifetimes are left out.
pub(super) fn lex(code: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            length_of_comment(rest)
        } else if let Some(length) = length_of_string(rest) {
            length
        } else if first == '\'' {
            length_of_quoted(rest)
        } else if rest.starts_with("::") || is_word(first) {
            let length =
                if first == ':' { 2 } else { rest.find(|c| !is_word(c)).unwrap_or(rest.len()) };
            words.push(rest[..length].to_owned());
            length
        } else {
            words.extend((!first.is_whitespace()).then(|| first.to_string()));
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    words
}

/// Where the group that begins here ends: the place of its closing bracket.
pub(super) fn end_of_group(words: &[String]) -> usize {
    let mut depth = 0_usize;
    for (at, word) in words.iter().enumerate() {
        match word.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    words.len() - 1
}

/// Code without the items under `#[cfg(test)]`.
pub(super) fn without_tests(words: Vec<String>) -> Vec<String> {
    let mut kept = Vec::new();
    let mut rest = words.as_slice();
    while let Some((first, after)) = rest.split_first() {
        let is_for_tests = first == "#"
            && after.get(1).is_some_and(|word| word == "cfg")
            && after[..end_of_group(after)].iter().any(|word| word == "test");
        if is_for_tests {
            let item = &after[end_of_group(after) + 1..];
            rest = &item[length_of_item(item)..];
        } else {
            kept.push(first.clone());
            rest = after;
        }
    }
    kept
}

/// Up to the semicolon or the closing brace.
fn length_of_item(words: &[String]) -> usize {
    let mut at = 0;
    while at < words.len() {
        match words[at].as_str() {
            ";" => return at + 1,
            "{" => return at + end_of_group(&words[at..]) + 1,
            "(" | "[" => at += end_of_group(&words[at..]) + 1,
            _ => at += 1,
        }
    }
    at
}

/// Comments nest.
fn length_of_comment(code: &str) -> usize {
    let (mut at, mut depth) = (2, 1);
    while depth > 0 && at < code.len() {
        let rest = &code.as_bytes()[at..];
        depth = depth + usize::from(rest.starts_with(b"/*")) - usize::from(rest.starts_with(b"*/"));
        at += if rest.starts_with(b"/*") || rest.starts_with(b"*/") { 2 } else { 1 };
    }
    at
}

/// The length of a string of any kind, where one begins here.
fn length_of_string(code: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r"].into_iter().find(|prefix| {
        code.strip_prefix(prefix).is_some_and(|rest| rest.trim_start_matches('#').starts_with('"'))
    });
    let body = &code[prefix.map_or(0, str::len)..];
    let hashes = body.len() - body.trim_start_matches('#').len();
    let begun = code.len() - body.len() + hashes + 1;
    let inside = body[hashes..].strip_prefix('"')?;
    if prefix.is_some_and(|prefix| prefix.ends_with('r')) {
        let end = format!("\"{}", &body[..hashes]);
        return Some(begun + inside.find(&end)? + end.len());
    }
    let mut escaped = false;
    let end = inside.bytes().position(|byte| {
        let is_end = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        is_end
    });
    (hashes == 0).then_some(begun + end? + 1)
}

/// The length of a character or of a lifetime.
fn length_of_quoted(code: &str) -> usize {
    let inside = &code[1..];
    match inside.chars().next() {
        Some('\\') => 3 + inside[2..].find('\'').unwrap_or(0) + 1,
        Some(first) if inside[first.len_utf8()..].starts_with('\'') => first.len_utf8() + 2,
        _ => 1,
    }
}
