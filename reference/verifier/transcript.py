"""The transcript of a proof (docs/protocol/transcript.md): one chain of hashes that everything goes through."""

from blake3 import blake3

from field import K, P


class Reject(Exception):
    """A proof that is refused: the name of the check, as in docs/protocol/proof.md, and where it failed."""

    def __init__(self, name, place=""):
        super().__init__(f"{name}: {place}" if place else name)
        self.name, self.place = name, place


def le8(number):
    return number.to_bytes(8, "little", signed=number < 0)


def unpack(data, count):
    """Elements of F, 61 bits each, the least significant bit first."""
    elements, size = [], 64 * 61 // 8
    for start in range(0, count, 64):  # 64 elements fill whole bytes
        block = int.from_bytes(data[start // 64 * size:][:size], "little")
        here = min(64, count - start)
        elements += [block >> 61 * k & P for k in range(here)]
        if block >> 61 * here:
            raise ValueError("bits after the last element")
    if P in elements:
        raise ValueError("an element is p")
    return elements


class Transcript:
    def __init__(self, domain, messages):
        self.messages, self.at = messages, 0
        self.state = blake3(b"zkml.start......" + le8(len(domain)) + domain.encode()).digest()

    def absorb_item(self, kind, label, data):
        name = le8(len(label)) + label.encode()
        item = self.state + bytes([kind]) + name + le8(len(data)) + data
        self.state = blake3(b"zkml.absorb....." + item).digest()

    def absorb(self, label, data):
        self.absorb_item(1, label, data)

    # Messages: read from the proof, and absorbed before any of their elements is used.

    def message(self, kind, label, size):
        data = self.messages[self.at:self.at + size]
        if len(data) < size:
            raise Reject("Truncated", label)
        self.at += size
        self.absorb_item(kind, label, data)
        return data

    def elements(self, kind, label, count):
        """Elements of K: of kind 2 if zero knowledge hides them, of kind 3 in the clear."""
        data = self.message(kind, label, 16 * count)
        words = [int.from_bytes(data[k:k + 8], "little") for k in range(0, len(data), 8)]
        if any(word >= P for word in words):
            raise Reject("NonCanonical", label)
        return [K(*words[k:k + 2]) for k in range(0, len(words), 2)]

    def cells(self, label, count):
        try:
            return unpack(self.message(4, label, (61 * count + 7) // 8), count)
        except ValueError:
            raise Reject("NonCanonical", label) from None

    def digest(self, label, size=32):
        return self.message(5, label, size)

    def end(self):
        if self.at < len(self.messages):
            raise Reject("TrailingBytes")

    # Draws.

    def words(self):
        stream, at = blake3(b"zkml.squeeze...." + self.state), 0
        while True:
            yield int.from_bytes(stream.digest(length=8, seek=at), "little")
            at += 8

    def challenge(self, label):
        self.absorb_item(7, label, b"")
        accepted = (word & P for word in self.words() if word & P != P)
        return K(next(accepted), next(accepted))

    def challenges(self, label, count):
        return [self.challenge(label) for _ in range(count)]

    def positions(self, label, count, bound):
        """Distinct positions, ascending. If more than half of all are asked for, those left out are drawn."""
        self.absorb_item(8, label, le8(count) + le8(bound))
        leaves_out = count > bound // 2
        most = max(bound - count, 0) if leaves_out else count
        mask, drawn, words = (1 << (bound - 1).bit_length()) - 1, set(), self.words()
        while len(drawn) < most:
            word = next(words) & mask
            if word < bound:
                drawn.add(word)
        return [j for j in range(bound) if j not in drawn] if leaves_out else sorted(drawn)

    # Work.

    def grind(self, label, bits):
        if bits == 0:
            return
        self.absorb_item(9, label, bits.to_bytes(4, "little"))
        state = self.state
        if work(state, self.message(6, label, 8)) < bits:
            raise Reject("transcript.grind", label)

    def harden(self, label, count):
        self.absorb_item(10, label, le8(count))
        for number in range(count):
            self.state = blake3(b"zkml.harden....." + le8(number) + self.state).digest()


def work(state, nonce):
    """Leading zero bits of the hash of a state and a nonce."""
    return 256 - int.from_bytes(blake3(b"zkml.grind......" + state + nonce + bytes(8)).digest(), "big").bit_length()
