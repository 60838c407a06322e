"""Files in the form of ``runs.arrays`` under a right checksum, whatever is in them."""

import hashlib
import io
import struct
import zipfile
import zlib

from dltricks.runs import arrays


def seal(body):
    """Any bytes up to the seal's digits as a file whose checksum is right."""
    return body + hashlib.sha256(body).hexdigest().encode()


def forge(members, version=1):
    """A zip as anyone could write it with a valid seal: members are (name, bytes)."""
    raw = io.BytesIO()
    comment = f"dltricks format {version:04d} sha256 ".encode()
    with zipfile.ZipFile(raw, "w") as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content)
        archive.comment = comment + bytes(64)
    return bytearray(seal(raw.getvalue()[:-64]))


def exact(header, data=b"", name=b"a.npy"):
    """A file of one member in exactly our form, but for what is in the member."""
    content = b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + data
    member = arrays._Member(name, zlib.crc32(content), len(content), 0)
    body = member.local() + content
    return bytearray(seal(body + arrays._ending([member], len(body))))


def plan(hashes, **more):
    """A study's plan of one arm with these runs, as ``study_file.save`` takes it."""
    runs = [{"hash": each, "arm": "", "seed": 0} for each in hashes]
    nothing = dict.fromkeys(["seeds", "baseline", "margin", "contrasts", "tuned"])
    about = {"kind": "sweep", "metric": "val_accuracy", "arms": [{"label": "", "varied": {}}]}
    return {**about, **nothing, "runs": runs, "notes": [], **more}
