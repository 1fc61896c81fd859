//! Numbers: digits, fraction and exponent, and what may be wrong with them.

use super::scan::{Found, Scan, ascii, describe};

impl Scan {
    /// A number whose first unit has been read.
    pub(super) fn number(&mut self, first: u16) -> Result<(), Found> {
        let first = if ascii(first) == '-' { self.after_minus()? } else { first };
        if ascii(first) == '0' {
            if self.peek().is_some_and(is_digit) {
                return Err(self.error("Invalid numeric value: Leading zeroes not allowed".into()));
            }
        } else {
            self.digits();
        }
        if self.peek().map(ascii) == Some('.') {
            self.next();
            self.some_digits("Decimal point not followed by a digit")?;
        }
        if matches!(self.peek().map(ascii), Some('e' | 'E')) {
            self.next();
            if matches!(self.peek().map(ascii), Some('+' | '-')) {
                self.next();
            }
            self.some_digits("Exponent indicator not followed by a digit")?;
        }
        Ok(())
    }

    fn after_minus(&mut self) -> Result<u16, Found> {
        let Some(unit) = self.next() else {
            return Err(self.early_end("No digit following minus sign"));
        };
        if is_digit(unit) {
            return Ok(unit);
        }
        Err(self.wrong_digit(
            self.position(),
            unit,
            "expected digit (0-9) to follow minus sign, for valid numeric value",
        ))
    }

    fn some_digits(&mut self, otherwise: &str) -> Result<(), Found> {
        let before = self.position();
        self.digits();
        if self.position() > before {
            return Ok(());
        }
        match self.peek() {
            Some(unit) => Err(self.wrong_digit(before, unit, otherwise)),
            None => Err(self.wrong_digit(before, 0, otherwise)),
        }
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(is_digit) {
            self.next();
        }
    }

    fn wrong_digit(&self, at: usize, unit: u16, comment: &str) -> Found {
        self.error_at(at, format!("Unexpected character ({}) in numeric value: {comment}", describe(unit)))
    }
}

fn is_digit(unit: u16) -> bool {
    ascii(unit).is_ascii_digit()
}
