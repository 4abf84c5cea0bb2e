//! From text to parts, with the place and plain words for what is wrong.

use super::{FUNCTIONS, INPUTS, MAX_DEPTH, MAX_LENGTH, Node, Operator, SyntaxError};
use crate::decimal::Decimal;

/// A word of the language, with the place of its first character.
#[derive(Debug, Clone, PartialEq)]
struct Token {
    at: usize,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Number(Decimal),
    Text(String),
    Name(String),
    Sign(&'static str),
    End,
}

impl Kind {
    fn shown(&self) -> String {
        match self {
            Self::Number(number) => format!("the number {number}"),
            Self::Text(_) => "a text".to_owned(),
            Self::Name(name) => format!("'{name}'"),
            Self::Sign(sign) => format!("'{sign}'"),
            Self::End => "the end".to_owned(),
        }
    }
}

/// Longer signs before those that they begin with.
const SIGNS: [&str; 23] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "+", "-", "*", "/", "%", "!", "(", ")", "[", "]", ".", ",",
    "?", ":", "=",
];

fn error<T>(at: usize, message: impl Into<String>) -> Result<T, SyntaxError> {
    Err(SyntaxError { at, message: message.into() })
}

pub(super) fn parse(source: &str) -> Result<Node, SyntaxError> {
    if source.trim().is_empty() {
        return error(1, "an expression is expected, for example json.status == \"success\"");
    }
    if source.len() > MAX_LENGTH {
        return error(
            1,
            format!("an expression has at most {MAX_LENGTH} characters, this one has {}", source.len()),
        );
    }
    let mut parser = Parser { tokens: tokens(source)?, next: 0, depth: 0 };
    let root = parser.expression()?;
    let rest = parser.peek();
    match rest.kind {
        Kind::End => Ok(root),
        Kind::Sign("=") => error(rest.at, "two values are compared with =="),
        _ => error(rest.at, format!("an operator is expected, such as == or &&, not {}", rest.kind.shown())),
    }
}

fn tokens(source: &str) -> Result<Vec<Token>, SyntaxError> {
    let characters: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let mut next = 0;
    while let Some(first) = characters.get(next).copied() {
        let at = next + 1;
        let rest = characters.get(next..).unwrap_or_default();
        let (kind, length) = if first.is_whitespace() {
            next += 1;
            continue;
        } else if first.is_ascii_digit() {
            let length = rest.iter().take_while(|sign| sign.is_ascii_digit() || **sign == '.').count();
            let written: String = rest.iter().take(length).collect();
            match Decimal::parse(&written) {
                Some(number) => (Kind::Number(number), length),
                None => return error(at, format!("'{written}' is not a number")),
            }
        } else if first.is_ascii_alphabetic() || first == '_' {
            let length = rest.iter().take_while(|sign| sign.is_ascii_alphanumeric() || **sign == '_').count();
            (Kind::Name(rest.iter().take(length).collect()), length)
        } else if first == '"' || first == '\'' {
            let (text, length) = quoted(rest, first, at)?;
            (Kind::Text(text), length)
        } else {
            let sign = SIGNS.iter().find(|sign| {
                sign.chars().zip(rest).filter(|(one, other)| one == *other).count() == sign.len()
            });
            match sign {
                Some(sign) => (Kind::Sign(sign), sign.len()),
                None => return error(at, format!("'{first}' means nothing here")),
            }
        };
        tokens.push(Token { at, kind });
        next += length;
    }
    tokens.push(Token { at: characters.len() + 1, kind: Kind::End });
    Ok(tokens)
}

/// A text in quotes, and its length with them.
fn quoted(rest: &[char], quote: char, at: usize) -> Result<(String, usize), SyntaxError> {
    let mut text = String::new();
    let mut signs = rest.iter().enumerate().skip(1);
    while let Some((place, sign)) = signs.next() {
        if *sign == quote {
            return Ok((text, place + 1));
        }
        if *sign != '\\' {
            text.push(*sign);
            continue;
        }
        match signs.next().map(|(_, sign)| *sign) {
            Some('n') => text.push('\n'),
            Some('t') => text.push('\t'),
            Some('r') => text.push('\r'),
            Some(sign @ ('\\' | '"' | '\'' | '/')) => text.push(sign),
            _ => return error(at + place, r#"after \ stands one of \ " ' / n t r"#),
        }
    }
    error(at, "this text has no end: close its quotes")
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Token {
        self.tokens.get(self.next).or(self.tokens.last()).cloned().unwrap_or(Token { at: 1, kind: Kind::End })
    }

    fn take(&mut self) -> Token {
        let token = self.peek();
        self.next += 1;
        token
    }

    fn takes(&mut self, sign: &'static str) -> bool {
        let there = self.peek().kind == Kind::Sign(sign);
        self.next += usize::from(there);
        there
    }

    fn demand(&mut self, sign: &'static str) -> Result<(), SyntaxError> {
        let found = self.take();
        if found.kind == Kind::Sign(sign) {
            return Ok(());
        }
        error(found.at, format!("'{sign}' is expected, not {}", found.kind.shown()))
    }

    /// Every way of standing inside something else goes through here.
    fn expression(&mut self) -> Result<Node, SyntaxError> {
        self.deeper(|parser| {
            let condition = parser.or()?;
            if !parser.takes("?") {
                return Ok(condition);
            }
            let yes = parser.expression()?;
            parser.demand(":")?;
            let no = parser.expression()?;
            Ok(Node::Choice(Box::new(condition), Box::new(yes), Box::new(no)))
        })
    }

    fn deeper(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Node, SyntaxError>,
    ) -> Result<Node, SyntaxError> {
        if self.depth >= MAX_DEPTH {
            return error(self.peek().at, format!("at most {MAX_DEPTH} parts may stand inside each other"));
        }
        self.depth += 1;
        let node = read(self);
        self.depth -= 1;
        node
    }

    /// A chain of one kind of operator leans to the left and grows deep without brackets: its links count as depth, too.
    fn chain(
        &mut self,
        operand: fn(&mut Self) -> Result<Node, SyntaxError>,
        link: impl Fn(&'static str, Node, Node) -> Option<Node>,
        signs: &[&'static str],
    ) -> Result<Node, SyntaxError> {
        let mut node = operand(self)?;
        let mut links = 0;
        while let Some(sign) = signs.iter().find(|sign| self.takes(sign)) {
            links += 1;
            if links > MAX_DEPTH {
                return error(self.peek().at, format!("at most {MAX_DEPTH} of these may follow each other"));
            }
            let right = operand(self)?;
            match link(sign, node, right) {
                Some(linked) => node = linked,
                None => return error(self.peek().at, "this operator is not known"),
            }
        }
        Ok(node)
    }

    fn or(&mut self) -> Result<Node, SyntaxError> {
        self.chain(Self::and, |_, left, right| Some(Node::Or(Box::new(left), Box::new(right))), &["||"])
    }

    fn and(&mut self) -> Result<Node, SyntaxError> {
        self.chain(
            Self::comparison,
            |_, left, right| Some(Node::And(Box::new(left), Box::new(right))),
            &["&&"],
        )
    }

    fn comparison(&mut self) -> Result<Node, SyntaxError> {
        const SIGNS: [&str; 6] = ["==", "!=", "<=", ">=", "<", ">"];
        let left = self.sum()?;
        let Some(sign) = SIGNS.iter().find(|sign| self.takes(sign)) else { return Ok(left) };
        let right = self.sum()?;
        if let found @ Token { kind: Kind::Sign(again), .. } = self.peek()
            && SIGNS.contains(&again)
        {
            return error(found.at, "comparisons are joined with && or ||: a < b && b < c");
        }
        match binary(sign, left, right) {
            Some(node) => Ok(node),
            None => error(self.peek().at, "this operator is not known"),
        }
    }

    fn sum(&mut self) -> Result<Node, SyntaxError> {
        self.chain(Self::product, binary, &["+", "-"])
    }

    fn product(&mut self) -> Result<Node, SyntaxError> {
        self.chain(Self::unary, binary, &["*", "/", "%"])
    }

    fn unary(&mut self) -> Result<Node, SyntaxError> {
        if self.takes("!") {
            return self.deeper(Self::unary).map(|node| Node::Not(Box::new(node)));
        }
        if self.takes("-") {
            return self.deeper(Self::unary).map(|node| Node::Minus(Box::new(node)));
        }
        self.postfix()
    }

    fn postfix(&mut self) -> Result<Node, SyntaxError> {
        let mut node = self.primary()?;
        let mut links = 0;
        loop {
            if self.takes(".") {
                let name = self.take();
                let Kind::Name(field) = name.kind else {
                    return error(name.at, "after '.' stands a field's name; write others as [\"my field\"]");
                };
                node = Node::Field(Box::new(node), field);
            } else if self.takes("[") {
                let index = self.expression()?;
                self.demand("]")?;
                node = Node::Index(Box::new(node), Box::new(index));
            } else {
                return Ok(node);
            }
            links += 1;
            if links > MAX_DEPTH {
                return error(self.peek().at, format!("at most {MAX_DEPTH} fields may follow each other"));
            }
        }
    }

    fn primary(&mut self) -> Result<Node, SyntaxError> {
        let token = self.take();
        match token.kind {
            Kind::Number(number) => Ok(Node::Number(number)),
            Kind::Text(text) => Ok(Node::Text(text)),
            Kind::Sign("(") => {
                let node = self.expression()?;
                self.demand(")")?;
                Ok(node)
            }
            Kind::Name(name) => self.named(token.at, &name),
            Kind::Sign(_) | Kind::End => {
                error(token.at, format!("a value is expected, not {}", token.kind.shown()))
            }
        }
    }

    fn named(&mut self, at: usize, name: &str) -> Result<Node, SyntaxError> {
        match name {
            "true" => return Ok(Node::Bool(true)),
            "false" => return Ok(Node::Bool(false)),
            "null" => return Ok(Node::Null),
            _ => {}
        }
        if !self.takes("(") {
            if let Some((_, input)) = INPUTS.iter().find(|(known, _)| *known == name) {
                return Ok(Node::Input(*input));
            }
            let known: Vec<&str> = INPUTS.iter().map(|(known, _)| *known).collect();
            let words = format!(
                "'{name}' is not known: an expression looks at {}; text stands in quotes",
                known.join(", ")
            );
            return error(at, words);
        }
        let Some((_, function, takes)) = FUNCTIONS.iter().find(|(known, _, _)| *known == name) else {
            let known: Vec<&str> = FUNCTIONS.iter().map(|(known, _, _)| *known).collect();
            return error(at, format!("there is no function '{name}': there are {}", known.join(", ")));
        };
        let mut values = Vec::new();
        if !self.takes(")") {
            loop {
                values.push(self.expression()?);
                if !self.takes(",") {
                    break;
                }
            }
            self.demand(")")?;
        }
        if !takes.contains(&values.len()) {
            let (least, most) = (takes.start(), takes.end());
            let wanted = if least == most { least.to_string() } else { format!("{least} to {most}") };
            return error(at, format!("{name}() takes {wanted} values, not {}", values.len()));
        }
        Ok(Node::Call(*function, values))
    }
}

fn binary(sign: &'static str, left: Node, right: Node) -> Option<Node> {
    const ALL: [Operator; 11] = [
        Operator::Equal,
        Operator::NotEqual,
        Operator::Less,
        Operator::LessOrEqual,
        Operator::Greater,
        Operator::GreaterOrEqual,
        Operator::Add,
        Operator::Subtract,
        Operator::Multiply,
        Operator::Divide,
        Operator::Remainder,
    ];
    let operator = ALL.into_iter().find(|operator| operator.written() == sign)?;
    Some(Node::Binary(operator, Box::new(left), Box::new(right)))
}
