import pytest

from ltrr_haystack.errors import SnapshotError
from ltrr_haystack.policy.snapshot import check_settings, pack, unpack


class TestSnapshot:
    def test_gives_back_header_and_body(self):
        header = {"policy": "vw", "n": 3}
        assert unpack(pack(header, b"a\nb\n"), "vw") == (header, b"a\nb\n")

    def test_equal_contents_are_equal_bytes(self):
        assert pack({"policy": "vw", "n": 3}) == pack({"n": 3, "policy": "vw"})

    def test_refuses_another_policys(self):
        with pytest.raises(SnapshotError, match="made by the policy 'static', expected 'vw'"):
            unpack(pack({"policy": "static"}), "vw")

    def test_refuses_what_is_no_snapshot(self):
        with pytest.raises(SnapshotError, match="not a policy snapshot"):
            unpack(b"\x89PNG", "vw")

    def test_every_truncation_and_every_flipped_bit_is_seen(self):
        payload = pack({"policy": "vw", "n": 3}, bytes(range(64)))
        damaged = [payload[:length] for length in range(len(payload))] + [payload + b"\n"]
        for place in range(len(payload)):
            for bit in range(8):
                flipped = bytearray(payload)
                flipped[place] ^= 1 << bit
                damaged.append(bytes(flipped))
        for one in damaged:
            with pytest.raises(SnapshotError):
                unpack(one, "vw")


class TestCheckSettings:
    def test_names_the_setting_that_differs(self):
        with pytest.raises(SnapshotError, match="made with bits=18, in use is bits=20"):
            check_settings({"settings": {"bits": 18, "lines": 1}}, {"bits": 20, "lines": 1})

    def test_lets_equal_settings_pass(self):
        check_settings({"settings": {"bits": 18}}, {"bits": 18})
