//! Why a signature is refused: AWS's codes and, where they are known, AWS's words.

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no signature.
    #[error("Missing Authentication Token")]
    Missing,
    /// There is something that is no whole signature.
    #[error("{0}")]
    Incomplete(String),
    /// The key does not exist or is disabled: which of the two is not told.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// It was signed for another time, place or set of headers.
    #[error("{0}")]
    Unfit(String),
    /// The signature is not that of the message.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
         Access Key and signing method. Consult the service documentation for details."
    )]
    Mismatch,
    /// The same signature was taken before. WHY: SDKs take the code for a reason to sign anew and try again, and some
    /// of them (boto3) sign equal calls of one second equally.
    #[error(
        "Rate exceeded: the signature was used before. Sign again in a second, or make the calls differ."
    )]
    Replayed,
    /// There is no room to remember more signatures.
    #[error("Rate exceeded")]
    Busy,
}

impl Refusal {
    /// AWS's name of it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationTokenException",
            Self::Incomplete(_) => "IncompleteSignatureException",
            Self::UnknownKey => "UnrecognizedClientException",
            Self::Unfit(_) | Self::Mismatch => "InvalidSignatureException",
            Self::Replayed | Self::Busy => "ThrottlingException",
        }
    }
}
