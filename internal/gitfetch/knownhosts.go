// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the format's own: it hides names, it proves nothing
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

const (
	// maxKnownHosts is how much of known_hosts is read, in bytes: a Secret holds no more.
	maxKnownHosts = 1 << 20
	// maxPattern is the longest name or pattern, in bytes. OpenSSH lets a longer one, and
	// the names beside it, match nothing.
	maxPattern = 1022
	// maxBadLines is how many lines that cannot be read an error names.
	maxBadLines = 3
)

// knownHosts is what a known_hosts file says about one server, read as OpenSSH reads it
// (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"). golang.org/x/crypto/ssh/knownhosts is not
// used: one line that it cannot read makes it refuse the file, and it lists the keys of
// authorities among those that a host should have had.
type knownHosts struct {
	address string // host:port
	host    string // the name that a certificate has to be for
	// lines are those for the name with the port, and then those for the name alone,
	// which OpenSSH asks when the former know nothing. At port 22 they are the same.
	lines   []hostLines
	bad     []badLine
	refused *failure // why check said no
}

// hostLines are the keys that a file has for one name.
type hostLines struct {
	name                       string
	keys, authorities, revoked []ssh.PublicKey
}

// badLine is a line that cannot be read. What it holds is not repeated: it may be
// anything that somebody pasted.
type badLine struct {
	number int
	why    string
}

func readKnownHosts(dir, address string) (*knownHosts, error) {
	file, err := os.Open(filepath.Join(dir, "known_hosts"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, failf(Misconfigured, "the Secret has no key known_hosts; ssh is used only with servers whose key is known beforehand: add what ssh-keyscan prints for %s, after comparing it with what the server's operator publishes", address)
	}
	if err != nil {
		return nil, failf(Misconfigured, "the Secret's known_hosts cannot be read (%v)", err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxKnownHosts+1))
	if err != nil {
		return nil, failf(Misconfigured, "the Secret's known_hosts cannot be read (%v)", err)
	}
	if len(content) > maxKnownHosts {
		return nil, failf(Misconfigured, "the Secret's known_hosts has more than %d bytes; keep only the lines for %s", maxKnownHosts, address)
	}
	return parseKnownHosts(string(content), address), nil
}

// parseKnownHosts reads the lines about address, which is host:port in lower case.
func parseKnownHosts(content, address string) *knownHosts {
	host, port, err := net.SplitHostPort(address)
	if err != nil { // an address of ours always has a port
		host, port = address, defaultPort["ssh"]
	}
	k := &knownHosts{address: address, host: host}
	if port != defaultPort["ssh"] {
		k.lines = append(k.lines, hostLines{name: "[" + host + "]:" + port})
	}
	k.lines = append(k.lines, hostLines{name: host})
	number := 0
	for line := range strings.Lines(content) {
		number++
		if why := k.readLine(line); why != "" {
			k.bad = append(k.bad, badLine{number, why})
		}
	}
	return k
}

// readLine takes in a line, or says why it cannot be read.
func (k *knownHosts) readLine(line string) (why string) {
	fields := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\r\n", r) })
	if len(fields) == 0 || fields[0][0] == '#' {
		return ""
	}
	marker := ""
	if fields[0][0] == '@' {
		marker, fields = fields[0], fields[1:]
	}
	if marker != "" && marker != "@cert-authority" && marker != "@revoked" {
		return "its marker is neither @cert-authority nor @revoked"
	}
	if len(fields) < 3 || fields[1][0] == '#' || fields[2][0] == '#' {
		return "it is not complete: names, kind and key are needed"
	}
	key, why := parseHostKey(fields[1], fields[2])
	if why != "" {
		return why
	}
	for i := range k.lines {
		about := &k.lines[i]
		matched, ok := matchesHost(fields[0], about.name)
		switch {
		case !ok:
			return "its hashed name cannot be read"
		case !matched:
		case marker == "@cert-authority":
			about.authorities = append(about.authorities, key)
		case marker == "@revoked":
			about.revoked = append(about.revoked, key)
		default:
			about.keys = append(about.keys, key)
		}
	}
	return ""
}

func parseHostKey(kind, text string) (key ssh.PublicKey, why string) {
	blob, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, "its key is not base64"
	}
	if key, err = ssh.ParsePublicKey(blob); err != nil {
		return nil, "its key is damaged, or of a kind that is unknown here"
	}
	if kind == ssh.KeyAlgoRSASHA256 || kind == ssh.KeyAlgoRSASHA512 { // signatures, of the same key
		kind = ssh.KeyAlgoRSA
	}
	if _, isCert := key.(*ssh.Certificate); isCert || key.Type() != kind {
		return nil, "its key is not of the kind that it says"
	}
	return key, ""
}

// matchesHost reports whether the names of a line cover a host; not ok is a hashed name
// that cannot be read.
func matchesHost(names, host string) (matched, ok bool) {
	if strings.HasPrefix(names, "|") {
		return matchesHash(names, host)
	}
	for pattern := range strings.SplitSeq(strings.ToLower(names), ",") {
		pattern, negated := strings.CutPrefix(pattern, "!")
		switch {
		case len(pattern) > maxPattern:
			return false, true
		case !matchesPattern(pattern, host):
		case negated:
			return false, true
		default:
			matched = true
		}
	}
	return matched, true
}

// matchesHash compares with |1|salt|HMAC-SHA1(salt, host), both in base64.
func matchesHash(name, host string) (matched, ok bool) {
	encodedSalt, sum, found := strings.Cut(strings.TrimPrefix(name, "|1|"), "|")
	salt, err := base64.StdEncoding.DecodeString(encodedSalt)
	if !strings.HasPrefix(name, "|1|") || !found || err != nil || len(salt) != sha1.Size {
		return false, false
	}
	mac := hmac.New(sha1.New, salt)
	mac.Write([]byte(host))
	return sum == base64.StdEncoding.EncodeToString(mac.Sum(nil)), true
}

// matchesPattern knows * for any run of characters and ? for any one. It goes back to
// the last star only, so its time is bounded by the product of both lengths.
func matchesPattern(pattern, text string) bool {
	p, t, star, resume := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			resume++
			p, t = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// unreadable names the lines that cannot be read, for the error about a host that is in
// none of the others.
func (k *knownHosts) unreadable() string {
	var list []string
	for _, line := range k.bad[:min(len(k.bad), maxBadLines)] {
		list = append(list, fmt.Sprintf("line %d cannot be read: %s", line.number, line.why))
	}
	if more := len(k.bad) - maxBadLines; more > 0 {
		list = append(list, fmt.Sprintf("and so with %d more", more))
	}
	if list == nil {
		return ""
	}
	return " (" + strings.Join(list, "; ") + ")"
}

// has compares what keys are, as a key may have several encodings.
func has(keys []ssh.PublicKey, key ssh.PublicKey) bool {
	return slices.ContainsFunc(keys, func(other ssh.PublicKey) bool {
		return string(other.Marshal()) == string(key.Marshal())
	})
}
