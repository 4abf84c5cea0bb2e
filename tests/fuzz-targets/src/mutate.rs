//! Seeded changes of samples: the same seed gives the same cases on every machine.

use domain::seed::Dice;
use serde_json::{Map, Value};

/// Longest case; the parsers' own limits lie partly below, partly above.
const LONGEST: usize = 80 * 1024;

/// Pieces that parsers care about.
const PIECES: [&[u8]; 40] = [
    b"&",
    b"=",
    b"%",
    b"%2B",
    b"%00",
    b"%FF",
    b"%zz",
    b"+",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"true",
    b"-1",
    b"0.5",
    b"1e309",
    b"18446744073709551616",
    b"\n",
    b"\r\n",
    b"\xff",
    b"\xc3",
    b"\xe2\x80\x91",
    b"://",
    b"@",
    b"#",
    b"?",
    b"..",
    b"/",
    b":443",
    b"+14155550100",
    b"(415) 555-0100",
    b"2026-11-22",
    b"AC00000000000000000000000000000001",
];

fn below(dice: &mut Dice, bound: usize) -> usize {
    usize::try_from(dice.below(u64::try_from(bound).unwrap_or(u64::MAX))).unwrap_or(0)
}

fn byte(dice: &mut Dice) -> u8 {
    dice.roll().to_le_bytes()[0]
}

/// A case made of one sample, or of two.
pub fn case(samples: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let Some(sample) = samples.get(below(dice, samples.len())) else { return Vec::new() };
    let mut case = sample.clone();
    if dice.below(2) == 0 {
        change_json(&mut case, dice);
    }
    // Half of the JSON stays JSON, so that what reads it is reached too.
    if dice.below(2) == 0 || case == *sample {
        for _ in 0..=below(dice, 6) {
            change(&mut case, samples, dice);
        }
    }
    if dice.below(2_000) == 0 && !case.is_empty() {
        case = case.repeat(LONGEST / case.len() + 1);
    }
    case.truncate(LONGEST);
    case
}

/// Replaces one place in one line, if that line is JSON.
fn change_json(case: &mut Vec<u8>, dice: &mut Dice) {
    let mut lines: Vec<Vec<u8>> = case.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let at = below(dice, lines.len());
    let Ok(mut value) = serde_json::from_slice::<Value>(&lines[at]) else { return };
    replace_somewhere(&mut value, dice);
    lines[at] = value.to_string().into_bytes();
    *case = lines.join(&b'\n');
}

fn replace_somewhere(value: &mut Value, dice: &mut Dice) {
    let deeper = dice.below(4) > 0;
    match value {
        Value::Object(map) if deeper && !map.is_empty() => {
            let at = below(dice, map.len());
            if let Some(inner) = map.values_mut().nth(at) {
                return replace_somewhere(inner, dice);
            }
        }
        Value::Array(list) if deeper && !list.is_empty() => {
            let at = below(dice, list.len());
            return replace_somewhere(&mut list[at], dice);
        }
        _ => {}
    }
    let text = |text: &str| Value::String(text.to_owned());
    *value = match below(dice, 20) {
        0 => Value::Null,
        1 => Value::Bool(dice.below(2) == 0),
        2 => Value::from(dice.roll()),
        3 => Value::from(i64::from_le_bytes(dice.roll().to_le_bytes())),
        4 => Value::from(dice.below(100)),
        5 => Value::from(0.5),
        6 => Value::from(1e300),
        7 => text(""),
        8 => text("\u{0}"),
        9 => Value::String("x".repeat(below(dice, 3_000))),
        10 => Value::Array(Vec::new()),
        11 => Value::Array(vec![value.clone(); 1 + below(dice, 4)]),
        12 => Value::Object(Map::new()),
        13 => Value::Object(Map::from_iter([(String::new(), value.take())])),
        14 => text("+12025550101"),
        15 => text("sip:a@b.c;transport=tls"),
        16 => text("$..*[?(@.a > 1)]"),
        17 => text("[tag:User:x|call:InboundCallId]"),
        18 => text("Australia/Lord_Howe"),
        _ => text("https://[::1]:1/\u{2603}?[tag:Geo:ZipCode]#x"),
    };
}

fn change(case: &mut Vec<u8>, samples: &[Vec<u8>], dice: &mut Dice) {
    let at = below(dice, case.len() + 1);
    let length = below(dice, 16).min(case.len() - at);
    match below(dice, 8) {
        0 => {
            if let Some(byte) = case.get_mut(at) {
                *byte ^= 1 << below(dice, 8);
            }
        }
        1 => case.insert(at, byte(dice)),
        2 => drop(case.drain(at..at + length)),
        3 => {
            let piece = PIECES[below(dice, PIECES.len())];
            drop(case.splice(at..at + length.min(piece.len()), piece.iter().copied()));
        }
        4 => {
            let piece = PIECES[below(dice, PIECES.len())];
            drop(case.splice(at..at, piece.iter().copied()));
        }
        5 => {
            let piece = case[at..at + length].to_vec();
            let times = 1 + below(dice, 40);
            drop(case.splice(at..at, piece.repeat(times)));
        }
        6 => {
            let other = &samples[below(dice, samples.len())];
            let from = below(dice, other.len() + 1);
            case.truncate(at);
            case.extend_from_slice(&other[from..]);
        }
        _ => {
            let range = at..at + length;
            for place in range {
                case[place] = byte(dice);
            }
        }
    }
}
