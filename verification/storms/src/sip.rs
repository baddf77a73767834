//! SipHash-1-3 under a key of zeros, as somebody computes it who looks for ids that collide and thinks that this is the key.
//!
//! By hand, since ids that begin alike are hashed on from where they differ.

/// The hash of what was taken in so far, in whole words of eight bytes.
#[derive(Clone, Copy)]
pub struct State([u64; 4]);

impl State {
    pub fn new() -> Self {
        Self([
            0x736f_6d65_7073_6575,
            0x646f_7261_6e64_6f6d,
            0x6c79_6765_6e65_7261,
            0x7465_6462_7974_6573,
        ])
    }

    pub fn take_in(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        assert!(rest.is_empty(), "{} bytes after the last word", rest.len());
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
    }

    /// With the length of all that was taken in.
    pub fn finish(mut self, length: usize) -> u64 {
        self.word((length as u64) << 56);
        self.0[2] ^= 0xFF;
        for _ in 0..3 {
            self.round();
        }
        self.0.iter().fold(0, |all, word| all ^ word)
    }

    fn word(&mut self, word: u64) {
        self.0[3] ^= word;
        self.round();
        self.0[0] ^= word;
    }

    fn round(&mut self) {
        let [mut v0, mut v1, mut v2, mut v3] = self.0;
        v0 = v0.wrapping_add(v1);
        v1 = v1.rotate_left(13) ^ v0;
        v0 = v0.rotate_left(32);
        v2 = v2.wrapping_add(v3);
        v3 = v3.rotate_left(16) ^ v2;
        v0 = v0.wrapping_add(v3);
        v3 = v3.rotate_left(21) ^ v0;
        v2 = v2.wrapping_add(v1);
        v1 = v1.rotate_left(17) ^ v2;
        v2 = v2.rotate_left(32);
        self.0 = [v0, v1, v2, v3];
    }
}
