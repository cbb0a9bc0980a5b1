//! How entries lie in a store that wants small values: large ones are cut over several keys.
//!
//! sled moves pages over 128 KiB to files of their own, which the sync of its log does not cover.
//! With keys and values as small as here no page comes near that.

use super::StoreError;

/// The longest value that is kept in one piece, in bytes.
pub const PIECE: usize = 3_500;

const HEAD: u8 = b'k';
const BODY: u8 = b'p';
const META: u8 = b'm';

const WHOLE: u8 = 0;
const CUT: u8 = 1;

/// What stands under the head of an entry.
#[derive(Debug, PartialEq, Eq)]
pub enum Head<'a> {
    /// The value itself.
    Whole(&'a [u8]),
    /// The value stands under this many pieces, numbered from zero.
    Cut { pieces: u64 },
}

/// Where the head of an entry stands. Heads have the order of their keys, with nothing between them.
pub fn head_key(key: &[u8]) -> Vec<u8> {
    [&[HEAD], key].concat()
}

/// The key whose head stands here.
pub fn key_of_head(stored: &[u8]) -> &[u8] {
    stored.get(1..).unwrap_or_default()
}

/// Where a piece stands. The length comes first: no key's pieces lie among those of a longer key.
pub fn piece_key(key: &[u8], piece: u64) -> Vec<u8> {
    let length = (key.len() as u64).to_be_bytes();
    [&[BODY], &length[..], key, &piece.to_be_bytes()].concat()
}

/// How the keys of all pieces begin.
pub fn piece_prefix() -> [u8; 1] {
    [BODY]
}

/// The key and the number of the piece that stands here.
pub fn of_piece(stored: &[u8]) -> Option<(&[u8], u64)> {
    let (length, rest) = stored.get(1..)?.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
    let (key, number) = rest.split_at_checked(length)?;
    Some((key, u64::from_be_bytes(number.try_into().ok()?)))
}

/// Where something about the store itself stands.
pub fn meta_key(name: &str) -> Vec<u8> {
    [&[META], name.as_bytes()].concat()
}

/// How many pieces a value is cut into; none where it stays whole.
pub fn count(value: &[u8]) -> u64 {
    if value.len() <= PIECE { 0 } else { value.len().div_ceil(PIECE) as u64 }
}

/// The head of a value and the pieces, if there are any.
pub fn cut(value: &[u8]) -> (Vec<u8>, impl Iterator<Item = (u64, &[u8])>) {
    let (head, pieces) = match count(value) {
        0 => ([&[WHOLE], value].concat(), &[][..]),
        count => ([&[CUT][..], &count.to_be_bytes()].concat(), value),
    };
    (head, (0_u64..).zip(pieces.chunks(PIECE)))
}

/// Reads a head; an error when it is none, which only a damaged store can hold.
pub fn read_head(stored: &[u8]) -> Result<Head<'_>, StoreError> {
    match stored.split_first() {
        Some((&WHOLE, value)) => Ok(Head::Whole(value)),
        Some((&CUT, count)) => match count.try_into() {
            Ok(count) => Ok(Head::Cut { pieces: u64::from_be_bytes(count) }),
            Err(_) => Err(damaged("an entry names no number of pieces")),
        },
        _ => Err(damaged("an entry has no known form")),
    }
}

const DAMAGED: &str = "the store is damaged: ";

/// The store holds something that no commit has written.
pub fn damaged(what: &str) -> StoreError {
    StoreError(format!(
        "{DAMAGED}{what}; stop groupkeeper and look at it with `groupkeeper fsck`, or move the store's directory aside and restore a backup"
    ))
}

/// Whether an error tells of what stands in the store, and not of the disk.
pub fn is_damage(error: &StoreError) -> bool {
    error.0.starts_with(DAMAGED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_the_longest_length_stays_whole_and_one_byte_more_makes_two_pieces() {
        let value = vec![7; PIECE];
        let (head, pieces) = cut(&value);
        assert_eq!(read_head(&head), Ok(Head::Whole(&value)));
        assert_eq!(pieces.count(), 0);

        let value = vec![7; PIECE + 1];
        let (head, pieces) = cut(&value);
        assert_eq!(read_head(&head), Ok(Head::Cut { pieces: 2 }));
        let lengths: Vec<_> = pieces.map(|(number, piece)| (number, piece.len())).collect();
        assert_eq!(lengths, [(0, PIECE), (1, 1)]);
    }

    #[test]
    fn heads_sort_like_their_keys() {
        let keys: [&[u8]; 5] = [b"", b"\0", b"a", b"a\xff", b"b"];
        let heads = keys.map(head_key);
        assert!(heads.is_sorted());
        assert_eq!(heads.each_ref().map(|head| key_of_head(head)), keys);
    }

    #[test]
    fn pieces_of_a_key_are_next_to_each_other_whatever_other_keys_there_are() {
        // The second key is the first one's, continued by what could be a piece's number.
        let long = [b"a".as_slice(), &0_u64.to_be_bytes()].concat();
        let range = piece_key(b"a", 0)..piece_key(b"a", u64::MAX);
        assert!(range.contains(&piece_key(b"a", 300)));
        assert!(!range.contains(&piece_key(&long, 0)));
    }

    #[test]
    fn a_piece_tells_whose_it_is() {
        assert_eq!(of_piece(&piece_key(b"key", 7)), Some((&b"key"[..], 7)));
        for stored in [&b"p"[..], b"p\0\0\0\0\0\0\0\x09key", b"p\xff\xff\xff\xff\xff\xff\xff\xff"] {
            assert_eq!(of_piece(stored), None);
        }
    }

    #[test]
    fn what_is_no_head_is_called_damage() {
        for stored in [&b""[..], b"\x01\0\0", b"\x09"] {
            assert!(read_head(stored).unwrap_err().0.contains("damaged"), "{stored:?}");
        }
    }
}
