// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// hostKeys are the keys that the tests' known_hosts files are made of.
type hostKeys struct {
	server             *sshServer
	ed, rsa, ca        ssh.Signer
	otherHost, otherCA ssh.Signer
	certificate        func(change func(*ssh.Certificate)) ssh.Signer
}

func newHostKeys(t testing.TB) *hostKeys {
	t.Helper()
	s := newSSHServer(t)
	k := &hostKeys{server: s, ed: s.keys[ssh.KeyAlgoED25519], rsa: s.keys[ssh.KeyAlgoRSA], ca: newECDSA(t), otherHost: newEd25519(t), otherCA: newECDSA(t)}
	k.certificate = func(change func(*ssh.Certificate)) ssh.Signer {
		cert := &ssh.Certificate{
			Key: k.ed.PublicKey(), CertType: ssh.HostCert, ValidPrincipals: []string{"127.0.0.1", "git.acme.example"},
			ValidAfter: uint64(time.Now().Add(-time.Hour).Unix()), ValidBefore: uint64(time.Now().Add(time.Hour).Unix()),
		}
		authority := k.ca
		if change != nil {
			change(cert)
		}
		switch cert.KeyId {
		case "other":
			authority = k.otherCA
		case "SHA-1":
			authority = withSHA1(t, k.rsa)
		case "SHA-2":
			authority = k.rsa
		}
		if err := cert.SignCert(rand.Reader, authority); err != nil {
			t.Fatal(err)
		}
		signer, err := ssh.NewCertSigner(cert, k.ed)
		if err != nil {
			t.Fatal(err)
		}
		return signer
	}
	return k
}

// withSHA1 signs as nobody should any more.
func withSHA1(t testing.TB, signer ssh.Signer) ssh.Signer {
	t.Helper()
	old, err := ssh.NewSignerWithAlgorithms(signer.(ssh.AlgorithmSigner), []string{ssh.KeyAlgoRSA})
	if err != nil {
		t.Fatal(err)
	}
	return old
}

// file fills in the keys of a known_hosts file.
func (k *hostKeys) file(text string) string {
	line := func(signer ssh.Signer) string {
		return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	}
	at := knownhosts.Normalize(k.server.address)
	return strings.NewReplacer(
		"{at}", at, "{port}", at[strings.LastIndex(at, ":")+1:], "{hashed}", knownhosts.HashHostname(at), "{hashed-alone}", knownhosts.HashHostname("127.0.0.1"),
		"{ed}", line(k.ed), "{rsa}", line(k.rsa), "{ca}", line(k.ca), "{other}", line(k.otherHost), "{other-ca}", line(k.otherCA),
	).Replace(text)
}

// hostCase is a known_hosts file and a server, and whether it is to be trusted.
type hostCase struct {
	file        string
	certificate func(*ssh.Certificate) // nil: the server has none
	trusted     bool
	newer       bool // OpenSSH before 10 decided otherwise
}

func valid(*ssh.Certificate) {}

var hostCases = map[string]hostCase{
	"a plain line": {"{at} {ed}\n", nil, true, false},
	"a plain line, the server has a certificate":                 {"{at} {ed}\n", valid, true, false},
	"no newline at its end":                                      {"{at} {ed}", nil, true, false},
	"tabs, blanks and a comment":                                 {"  \t{at}\t {ed} bob@acme\n", nil, true, false},
	"another case":                                               {"other.example,[127.0.0.1]:{port},Z {ed}\n", nil, true, false},
	"an empty file":                                              {"", nil, false, false},
	"comments alone":                                             {"# {at} {ed}\n", nil, false, false},
	"another key":                                                {"{at} {other}\n", nil, false, false},
	"another key and the right one":                              {"{at} {other}\n{at} {ed}\n", nil, true, false},
	"a hashed line":                                              {"{hashed} {ed}\n", nil, true, false},
	"a hashed line without the port":                             {"{hashed-alone} {ed}\n", nil, true, false},
	"a hash of another format":                                   {"|2|abc|def {ed}\n", nil, false, false},
	"a star":                                                     {"* {ed}\n", nil, true, false},
	"a pattern of the port":                                      {"[127.0.0.1]:* {ed}\n", nil, true, false},
	"question marks":                                             {"[127.?.?.1]:{port} {ed}\n", nil, true, false},
	"a pattern of the name":                                      {"127.0.* {ed}\n", nil, true, false},
	"a pattern of another name":                                  {"*.acme.example {ed}\n", nil, false, false},
	"a negation before":                                          {"!{at},!127.0.0.1,* {ed}\n", nil, false, false},
	"a negation behind":                                          {"*,!{at},!127.0.0.* {ed}\n", nil, false, false},
	"a negation of the name alone":                               {"*,!127.0.0.1 {ed}\n", nil, true, false},
	"a negation of the name with the port":                       {"*,!{at} {ed}\n", nil, true, false},
	"a negation of another":                                      {"*,!*.acme.example {ed}\n", nil, true, false},
	"a negation alone":                                           {"!other.example {ed}\n", nil, false, false},
	"a name that is too long":                                    {strings.Repeat("x", 1100) + ",* {ed}\n", nil, false, false},
	"the name without the port":                                  {"127.0.0.1 {ed}\n", nil, true, false},
	"another key with the port, the right one not":               {"{at} {other}\n127.0.0.1 {ed}\n", nil, false, false},
	"another port":                                               {"[127.0.0.1]:1 {ed}\n", nil, false, false},
	"a line that nobody can read":                                {"{at} ssh-ed25519 AAAA\nhello\n@what {at} {ed}\n{at}\n{at} ssh-ed25519\n{at} {ed}\n", nil, true, false},
	"a key of another kind than it says":                         {"{at} ecdsa-sha2-nistp256 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", nil, false, false},
	"a revoked key":                                              {"@revoked * {ed}\n{at} {ed}\n", nil, false, false},
	"a revoked key, on another host":                             {"@revoked other.example {ed}\n{at} {ed}\n", nil, true, false},
	"a revoked key without the port":                             {"@revoked 127.0.0.1 {ed}\n{at} {ed}\n", nil, true, false},
	"another key revoked":                                        {"@revoked * {other}\n{at} {ed}\n", nil, true, false},
	"an authority":                                               {"@cert-authority * {ca}\n", valid, true, false},
	"an authority for the name with the port":                    {"@cert-authority {at} {ca}\n", valid, true, false},
	"an authority for the name":                                  {"@cert-authority 127.0.0.1 {ca}\n", valid, true, false},
	"an authority for another name":                              {"@cert-authority *.acme.example {ca}\n", valid, false, false},
	"another authority":                                          {"@cert-authority * {other-ca}\n", valid, false, false},
	"two authorities":                                            {"@cert-authority * {other-ca}\n@cert-authority * {ca}\n", valid, true, false},
	"a line of an authority that cannot be read":                 {"@cert-authority * ssh-rsa AAAA\n@cert-authority * {ca}\n", valid, true, false},
	"an authority without its marker":                            {"* {ca}\n", valid, false, false},
	"an authority, the server has no certificate":                {"@cert-authority * {ca}\n", nil, false, false},
	"an authority and the plain key":                             {"@cert-authority * {ca}\n{at} {ed}\n", nil, true, false},
	"another authority and the plain key":                        {"@cert-authority * {other-ca}\n{at} {ed}\n", valid, true, false},
	"an authority, and another plain key":                        {"@cert-authority * {ca}\n{at} {other}\n", valid, true, false},
	"a host's key as an authority's":                             {"@cert-authority * {ed}\n", nil, false, false},
	"a revoked authority":                                        {"@cert-authority * {ca}\n@revoked * {ca}\n", valid, false, false},
	"a revoked key with a certificate":                           {"@cert-authority * {ca}\n@revoked * {ed}\n", valid, false, false},
	"an expired certificate":                                     {"@cert-authority * {ca}\n", func(c *ssh.Certificate) { c.ValidBefore = uint64(time.Now().Add(-time.Minute).Unix()) }, false, false},
	"an expired certificate of a known key":                      {"@cert-authority * {ca}\n{at} {ed}\n", func(c *ssh.Certificate) { c.ValidBefore = uint64(time.Now().Add(-time.Minute).Unix()) }, true, false},
	"a certificate of tomorrow":                                  {"@cert-authority * {ca}\n", func(c *ssh.Certificate) { c.ValidAfter = uint64(time.Now().Add(30 * time.Minute).Unix()) }, false, false},
	"a certificate without an end":                               {"@cert-authority * {ca}\n", func(c *ssh.Certificate) { c.ValidAfter, c.ValidBefore = 0, ssh.CertTimeInfinity }, true, false},
	"a certificate of another host":                              {"@cert-authority * {ca}\n", func(c *ssh.Certificate) { c.ValidPrincipals = []string{"other.example"} }, false, false},
	"a certificate for a user":                                   {"@cert-authority * {ca}\n", func(c *ssh.Certificate) { c.CertType = ssh.UserCert }, false, false},
	"a certificate with an option nobody knows":                  {"@cert-authority * {ca}\n", func(c *ssh.Certificate) { c.CriticalOptions = map[string]string{"force-command": "x"} }, false, false},
	"a certificate signed by an RSA key":                         {"@cert-authority * {rsa}\n", func(c *ssh.Certificate) { c.KeyId = "SHA-2" }, true, false},
	"a certificate signed with SHA-1":                            {"@cert-authority * {rsa}\n", func(c *ssh.Certificate) { c.KeyId = "SHA-1" }, false, false},
	"a certificate of every host":                                {"@cert-authority * {ca}\n", func(c *ssh.Certificate) { c.ValidPrincipals = nil }, false, true},
	"a certificate of a pattern":                                 {"@cert-authority * {ca}\n", func(c *ssh.Certificate) { c.ValidPrincipals = []string{"127.*"} }, true, true},
	"a certificate signed by an authority that is not known yet": {"@cert-authority * {ca}\n", func(c *ssh.Certificate) { c.KeyId = "other" }, false, false},
}

func TestAServerIsTrustedByKnownHosts(t *testing.T) {
	t.Parallel()
	r := newRepo(t, "")
	r.commit("refs/heads/main", files{"a": "a"})
	for name, c := range hostCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newHostKeys(t)
			if c.certificate != nil {
				k.server.keys["certificate"] = k.certificate(c.certificate)
			}
			_, err := fetch(t.Context(), ask(t, k.server.request(t, r.dir, k.file(c.file))), testTimeouts)
			e, failed := err.(*Error) //nolint:errorlint // it is never wrapped
			if failed == c.trusted || failed && e.Reason != UntrustedHost {
				t.Errorf("got %v, want trusted %v", err, c.trusted)
			}
		})
	}
}

func TestWhyAServerIsNotTrusted(t *testing.T) {
	t.Parallel()
	past := time.Now().Add(-time.Minute).Truncate(time.Second)
	future := time.Now().Add(30 * time.Minute).Truncate(time.Second)
	for name, c := range map[string]struct {
		file        string
		certificate func(*ssh.Certificate)
		want        string
	}{
		"another key, and an authority": {
			"@cert-authority * {ca}\n{at} {other}\n@what\n", nil,
			"the host key of {server} is {ed-print}, and the Secret's known_hosts says {other-print}; if the server's operator has changed it, update known_hosts, and if not, this is another server",
		},
		"lines that nobody can read, and no other": {
			"{at} ssh-ed25519 AAAA\n# fine\nother.example ssh-rsa !\n@what {at} {ed}\n|1|x|y {ed}\n{at}\n{at} ecdsa-sha2-nistp256 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", nil,
			"the Secret's known_hosts has no key for {server} (line 1 cannot be read: its key is damaged, or of a kind that is unknown here; line 3 cannot be read: its key is not base64; line 4 cannot be read: its marker is neither @cert-authority nor @revoked; and so with 3 more); the server's is {ed-print}: if its operator publishes the same, add the line \"{at} {ed}\"",
		},
		"an authority, and no certificate": {
			"@cert-authority * {ca}\n", nil,
			"the Secret's known_hosts trusts certificates of {ca-print} for {server}, and the server shows none but the key {ed-print}; its operator has to set HostCertificate, or, if that key is published, add the line \"{at} {ed}\"",
		},
		"another authority": {
			"@cert-authority * {other-ca}\n", valid,
			"the host certificate of {server} is signed by {ca-print}, and the Secret's known_hosts trusts {other-ca-print} for it; if the server's operator has changed the authority, update the @cert-authority line, and if not, this is another server",
		},
		"a revoked authority": {
			"@cert-authority * {other-ca}\n@revoked * {ca}\n", valid,
			"the host certificate of {server} is signed by {ca-print}, which a line of the Secret's known_hosts revokes",
		},
		"a revoked key in a certificate": {
			"@cert-authority * {ca}\n@revoked * {ed}\n", valid,
			"the host key of {server}, {ed-print}, is revoked by a line of the Secret's known_hosts",
		},
		"a certificate that has expired": {
			"@cert-authority * {ca}\n", func(c *ssh.Certificate) { c.ValidBefore = uint64(past.Unix()) },
			"the host certificate of {server}, signed by {ca-print}, is not valid: it ended at " + past.UTC().Format(time.RFC3339) + "; the server's operator has to renew it",
		},
		"a certificate that is not valid yet": {
			"@cert-authority * {ca}\n", func(c *ssh.Certificate) { c.ValidAfter = uint64(future.Unix()) },
			"the host certificate of {server}, signed by {ca-print}, is not valid: it begins at " + future.UTC().Format(time.RFC3339) + "; the server's operator has to renew it",
		},
		"a certificate of the end of time": {
			"@cert-authority * {ca}\n", func(c *ssh.Certificate) { c.ValidAfter = 1<<63 + 1; c.ValidBefore = ssh.CertTimeInfinity },
			"the host certificate of {server}, signed by {ca-print}, is not valid: it begins at 36812-02-20T00:36:16Z; the server's operator has to renew it",
		},
		"a certificate of others": {
			"@cert-authority * {ca}\n", func(c *ssh.Certificate) { c.ValidPrincipals = []string{"a\x1b", "b"} },
			`the host certificate of {server}, signed by {ca-print}, is not valid: it is for "a\x1b, b" and not for 127.0.0.1; the server's operator has to renew it`,
		},
		"a certificate of nobody": {
			"@cert-authority * {ca}\n", func(c *ssh.Certificate) { c.ValidPrincipals = nil },
			`the host certificate of {server}, signed by {ca-print}, is not valid: it is for "" and not for 127.0.0.1; the server's operator has to renew it`,
		},
		"a user's certificate": {
			"@cert-authority * {ca}\n", func(c *ssh.Certificate) { c.CertType = ssh.UserCert },
			"the host certificate of {server}, signed by {ca-print}, is not valid: it is a user's; the server's operator has to renew it",
		},
		"a certificate signed with SHA-1": {
			"@cert-authority * {rsa}\n", func(c *ssh.Certificate) { c.KeyId = "SHA-1" },
			"the host certificate of {server}, signed by {rsa-print}, is not valid: it is signed with SHA-1; the server's operator has to renew it",
		},
		"a certificate with a critical option": {
			"@cert-authority * {ca}\n", func(c *ssh.Certificate) { c.CriticalOptions = map[string]string{"x": ""} },
			`the host certificate of {server}, signed by {ca-print}, is not valid: unsupported critical option "x" in certificate; the server's operator has to renew it`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newHostKeys(t)
			delete(k.server.keys, ssh.KeyAlgoRSA)
			if c.certificate != nil {
				k.server.keys["certificate"] = k.certificate(c.certificate)
			}
			request := k.server.request(t, "/site.git", k.file(c.file))
			want := &Error{Reason: UntrustedHost, Message: request.Repo + ": " + k.file(strings.NewReplacer(
				"{server}", k.server.address, "{ed-print}", fingerprint(k.ed.PublicKey()), "{ca-print}", fingerprint(k.ca.PublicKey()),
				"{other-ca-print}", fingerprint(k.otherCA.PublicKey()), "{other-print}", fingerprint(k.otherHost.PublicKey()), "{rsa-print}", fingerprint(k.rsa.PublicKey()),
			).Replace(c.want))}
			if diff := cmp.Diff(want, mustFail(t, request)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

// A Secret holds 1 MiB. Whatever is in it costs little, and no more is read.
func TestAKnownHostsFileOfOneMegabyte(t *testing.T) {
	t.Parallel()
	k := newHostKeys(t)
	fill := func(line string) string {
		own := k.file("{at} {ed}\n")
		return strings.Repeat(line, (maxKnownHosts-len(own))/len(line)) + own
	}
	for name, line := range map[string]string{
		"of other hosts":   k.file("other.example {rsa}\n"),
		"of hashed hosts":  knownhosts.HashHostname("other.example") + k.file(" {ed}\n"),
		"of two letters":   "a\n",
		"of stars":         strings.Repeat("*a", 500) + k.file("b {ed}\n"),
		"of one long line": strings.Repeat("*a,", maxKnownHosts/3-100) + k.file(" {ed}\n"),
		"of newlines":      "\n",
		"of zeroes":        "\x00\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hosts := parseKnownHosts(fill(line), k.server.address)
			if err := hosts.check("", nil, k.ed.PublicKey()); err != nil {
				t.Errorf("the last line is not found: %v", err)
			}
			if failure := hosts.unknown(k.ed.PublicKey()).Error(); len(failure) > 1000 {
				t.Errorf("the error has %d bytes", len(failure))
			}
		})
	}
	request := k.server.request(t, "/site.git", fill("other.example x y\n")+"\n#"+strings.Repeat("#", 100))
	want := &Error{Reason: Misconfigured, Message: fmt.Sprintf("%s: the Secret's known_hosts has more than 1048576 bytes; keep only the lines for %s", request.Repo, k.server.address)}
	if diff := cmp.Diff(want, mustFail(t, request)); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

func TestTheNamesOfAServer(t *testing.T) {
	t.Parallel()
	for address, want := range map[string][]string{
		"github.com:22":      {"github.com"},
		"github.com:443":     {"[github.com]:443", "github.com"},
		"[::1]:22":           {"::1"},
		"[2001:db8::1]:2222": {"[2001:db8::1]:2222", "2001:db8::1"},
	} {
		var got []string
		for _, about := range parseKnownHosts("", address).lines {
			got = append(got, about.name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", address, diff)
		}
	}
}

// What is asked for is what the file can vouch for; a certificate only where an
// authority is known, as its line would otherwise be offered for known_hosts.
func TestTheHostKeysThatAreAskedFor(t *testing.T) {
	t.Parallel()
	k := newHostKeys(t)
	plain, certified := hostAlgorithms()
	if len(plain) < 6 || len(certified) < 6 || plain[0] != ssh.KeyAlgoED25519 {
		t.Fatalf("plain is %v and certified is %v", plain, certified)
	}
	for name, c := range map[string]struct {
		file string
		want []string
	}{
		"nothing is known":       {"", plain},
		"an unreadable line":     {"{at} ssh-ed25519 x\n", plain},
		"one key":                {"{at} {ed}\n", []string{"ssh-ed25519"}},
		"an RSA key":             {"{at} {rsa}\n", []string{"rsa-sha2-512", "rsa-sha2-256"}},
		"two keys":               {"{at} {rsa}\n{at} {ed}\n", []string{"rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519"}},
		"a revoked one":          {"{at} {ed}\n{at} {rsa}\n@revoked * {ed}\n", []string{"rsa-sha2-512", "rsa-sha2-256"}},
		"without the port":       {"127.0.0.1 {ed}\n", []string{"ssh-ed25519"}},
		"an authority":           {"@cert-authority * {ca}\n", append(certified, plain...)},
		"an authority and a key": {"@cert-authority 127.0.0.1 {ca}\n{at} {ed}\n", append(certified, "ssh-ed25519")},
		"a revoked authority":    {"@cert-authority * {ca}\n@revoked * {ca}\n{at} {ed}\n", []string{"ssh-ed25519"}},
		"another's authority":    {"@cert-authority x.example {ca}\n", plain},
	} {
		if diff := cmp.Diff(c.want, parseKnownHosts(k.file(c.file), k.server.address).algorithms()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
