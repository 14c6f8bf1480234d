"""io-uring-per-core where the kernel has no io_uring to give: one line, status 2, before anything is served."""

import ctypes
import errno
import struct
import subprocess
import sys
import unittest

SERVER = sys.argv.pop()

PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_MODE_FILTER = 2
SECCOMP_RET_ALLOW = 0x7FFF0000
SECCOMP_RET_ERRNO = 0x00050000
BPF_LOAD_WORD = 0x20
BPF_JUMP_IF_EQUAL = 0x15
BPF_RETURN = 0x06
IO_URING_SETUP = 425  # on every architecture of Linux
LIBC = ctypes.CDLL(None, use_errno=True)


class Program(ctypes.Structure):
    """struct sock_fprog"""

    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def forbid_io_uring(error: int) -> None:
    """From here on io_uring_setup fails with `error` in this process, as a container's seccomp profile has it."""
    instructions = b"".join(
        struct.pack("=HBBI", *fields)
        for fields in (
            (BPF_LOAD_WORD, 0, 0, 0),  # the number of the call
            (BPF_JUMP_IF_EQUAL, 0, 1, IO_URING_SETUP),
            (BPF_RETURN, 0, 0, SECCOMP_RET_ERRNO | error),
            (BPF_RETURN, 0, 0, SECCOMP_RET_ALLOW),
        )
    )
    program = Program(len(instructions) // 8, instructions)
    if LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_NO_NEW_PRIVS")
    if LIBC.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_SECCOMP")


class Refusal(unittest.TestCase):
    def refusal(self, error: int) -> str:
        result = subprocess.run(
            [SERVER, "--architecture", "io-uring-per-core", "--listen", "127.0.0.1:0"],
            preexec_fn=lambda: forbid_io_uring(error),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        return result.stderr

    def test_names_what_forbids_it(self) -> None:
        self.assertIn("kernel.io_uring_disabled", self.refusal(errno.EPERM))

    def test_names_the_kernel_that_it_needs(self) -> None:
        for error in (errno.ENOSYS, errno.EINVAL):
            self.assertIn("Linux 6.1", self.refusal(error))

    def test_names_what_it_takes(self) -> None:
        self.assertIn("for each of --workers", self.refusal(errno.ENOMEM))


if __name__ == "__main__":
    unittest.main(verbosity=1)
