//! What file systems refuse because they do not know it, which is not to be taken for a failure.
//!
//! Network shares, folders shared with a virtual machine, and file systems in user space lack a way to flush a folder, hard
//! links, or locks. Whoever asks goes on without.

use std::io::{Error, ErrorKind};

/// Whether the system says that it does not do such a thing here, in contrast to that it tried and failed.
pub fn is_refusal(error: &Error) -> bool {
    #[cfg(unix)]
    {
        let refusals = [
            libc::EINVAL,
            libc::ENOSYS,
            libc::EOPNOTSUPP,
            libc::ENOTSUP,
            libc::EPERM,
            libc::EACCES,
            libc::EMLINK,
            // No daemon that keeps locks.
            libc::ENOLCK,
        ];
        if let Some(code) = error.raw_os_error() {
            return refusals.contains(&code);
        }
    }
    matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported | ErrorKind::PermissionDenied)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_no_failure() {
        let refused = |code| is_refusal(&Error::from_raw_os_error(code));
        for code in [libc::EINVAL, libc::EOPNOTSUPP, libc::ENOSYS, libc::EPERM, libc::ENOLCK] {
            assert!(refused(code), "{code}");
        }
        for code in
            [libc::EIO, libc::ENOSPC, libc::EDQUOT, libc::EROFS, libc::ESTALE, libc::ENOENT, libc::EEXIST]
        {
            assert!(!refused(code), "{code}");
        }
    }
}
