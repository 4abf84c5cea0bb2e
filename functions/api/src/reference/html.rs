//! Text as HTML.

/// Text that cannot become markup.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// Words with `code` and **strong** parts, on one line.
pub fn inline(text: &str) -> String {
    let mut out = String::new();
    for (at, part) in text.split('`').enumerate() {
        if at % 2 == 1 {
            out.push_str(&format!("<code>{}</code>", escaped(part)));
            continue;
        }
        for (at, part) in part.split("**").enumerate() {
            match at % 2 {
                1 => out.push_str(&format!("<strong>{}</strong>", escaped(part))),
                _ => out.push_str(&escaped(part)),
            }
        }
    }
    out
}

/// Paragraphs.
pub fn prose(text: &str) -> String {
    let paragraphs = text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty());
    paragraphs.map(|paragraph| format!("<p>{}</p>", inline(&paragraph.replace('\n', " ")))).collect()
}

/// A block of code that the keyboard can scroll.
pub fn code(label: &str, text: &str) -> String {
    format!("<pre tabindex=\"0\" aria-label=\"{}\"><code>{}</code></pre>", escaped(label), escaped(text))
}

/// An id for a heading.
pub fn anchor(text: &str) -> String {
    let keep = |character: char| {
        if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '-' }
    };
    text.chars().map(keep).collect()
}
