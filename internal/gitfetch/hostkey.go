// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// known returns the keys that the file has for the host and does not revoke.
func (k *knownHosts) known() []ssh.PublicKey {
	for _, about := range k.lines {
		if len(about.keys) > 0 {
			return slices.DeleteFunc(slices.Clone(about.keys), func(key ssh.PublicKey) bool { return has(about.revoked, key) })
		}
	}
	return nil
}

// authorities returns the keys that may sign certificates for the host.
func (k *knownHosts) authorities() []ssh.PublicKey {
	var all []ssh.PublicKey
	for _, about := range k.lines {
		for _, key := range about.authorities {
			if !has(about.revoked, key) && !has(all, key) {
				all = append(all, key)
			}
		}
	}
	return all
}

// algorithms are those that make the server show a key that the file can vouch for; it
// may have others besides. Certificates are asked for only where an authority is known.
// Where no key is known any plain one will do, for the error.
func (k *knownHosts) algorithms() []string {
	plain, certified := hostAlgorithms()
	var algorithms []string
	if len(k.authorities()) > 0 {
		algorithms = certified
	}
	known := k.known()
	if len(known) == 0 {
		return append(algorithms, plain...)
	}
	for _, key := range known {
		use := []string{key.Type()}
		if key.Type() == ssh.KeyAlgoRSA { // the key; with SHA-1 it is no longer an algorithm
			use = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
		}
		for _, algorithm := range use {
			if !slices.Contains(algorithms, algorithm) {
				algorithms = append(algorithms, algorithm)
			}
		}
	}
	return algorithms
}

// hostAlgorithms are all that are safe. Ed25519 comes first: its keys make short lines.
func hostAlgorithms() (plain, certified []string) {
	plain = []string{ssh.KeyAlgoED25519}
	for _, algorithm := range ssh.SupportedAlgorithms().HostKeys {
		switch {
		case strings.Contains(algorithm, "-cert-"):
			certified = append(certified, algorithm)
		case algorithm != ssh.KeyAlgoED25519:
			plain = append(plain, algorithm)
		}
	}
	return plain, certified
}

// check is an [ssh.HostKeyCallback].
func (k *knownHosts) check(_ string, _ net.Addr, key ssh.PublicKey) error {
	if k.refused = k.judge(k.lines, key); k.refused != nil {
		return k.refused
	}
	return nil
}

// judge decides on a key as OpenSSH does with StrictHostKeyChecking.
func (k *knownHosts) judge(lines []hostLines, key ssh.PublicKey) *failure {
	if cert, ok := key.(*ssh.Certificate); ok {
		return k.judgeCertificate(lines, cert)
	}
	about := lines[0]
	switch {
	case has(about.revoked, key):
		return failf(UntrustedHost, "the host key of %s, %s, is revoked by a line of the Secret's known_hosts", k.address, fingerprint(key))
	case has(about.keys, key):
		return nil
	case len(about.keys) > 0:
		return failf(UntrustedHost, "the host key of %s is %s, and the Secret's known_hosts says %s; if the server's operator has changed it, update known_hosts, and if not, this is another server", k.address, fingerprint(key), fingerprints(about.keys))
	case len(lines) > 1:
		return k.judge(lines[1:], key)
	}
	return k.unknown(key)
}

// judgeCertificate trusts a certificate of an authority, or else the key in it if that is
// known by itself.
func (k *knownHosts) judgeCertificate(lines []hostLines, cert *ssh.Certificate) *failure {
	about := lines[0]
	if has(about.revoked, cert.SignatureKey) {
		return failf(UntrustedHost, "the host certificate of %s is signed by %s, which a line of the Secret's known_hosts revokes", k.address, fingerprint(cert.SignatureKey))
	}
	if has(about.revoked, cert.Key) {
		return k.judge(lines, cert.Key)
	}
	var why *failure
	switch {
	case has(about.authorities, cert.SignatureKey):
		if why = k.checkCertificate(cert); why == nil {
			return nil
		}
	case len(lines) > 1:
		if why = k.judgeCertificate(lines[1:], cert); why == nil {
			return nil
		}
	default:
		why = failf(UntrustedHost, "the host certificate of %s is signed by %s, and the Secret's known_hosts trusts %s for it; if the server's operator has changed the authority, update the @cert-authority line, and if not, this is another server", k.address, fingerprint(cert.SignatureKey), fingerprints(k.authorities()))
	}
	if k.judge(lines, cert.Key) == nil {
		return nil
	}
	return why
}

// checkCertificate checks a certificate of a trusted authority. Like the newest OpenSSH
// it wants the host's name, or a pattern of it, among the principals; older ones take a
// certificate without any for every host.
func (k *knownHosts) checkCertificate(cert *ssh.Certificate) *failure {
	refuse := func(format string, args ...any) *failure {
		return failf(UntrustedHost, "the host certificate of %s, signed by %s, is not valid: "+format+"; the server's operator has to renew it",
			append([]any{k.address, fingerprint(cert.SignatureKey)}, args...)...)
	}
	if cert.CertType != ssh.HostCert {
		return refuse("it is a user's")
	}
	principal := slices.IndexFunc(cert.ValidPrincipals, func(p string) bool { return matchesPattern(p, k.host) })
	if principal < 0 {
		return refuse("it is for %s and not for %s", foreign(strings.Join(cert.ValidPrincipals, ", ")), k.host)
	}
	if cert.Signature.Format == ssh.KeyAlgoRSA {
		return refuse("it is signed with SHA-1")
	}
	now := uint64(max(0, time.Now().Unix())) //nolint:gosec // not negative
	switch {
	case now < cert.ValidAfter:
		return refuse("it begins at %s", certTime(cert.ValidAfter))
	case now >= cert.ValidBefore:
		return refuse("it ended at %s", certTime(cert.ValidBefore))
	}
	if err := new(ssh.CertChecker).CheckCert(cert.ValidPrincipals[principal], cert); err != nil {
		return refuse("%s", strings.TrimPrefix(err.Error(), "ssh: "))
	}
	return nil
}

// certTime writes a certificate's time, which may be far beyond what a calendar has.
func certTime(seconds uint64) string {
	return time.Unix(int64(min(seconds, 1<<40)), 0).UTC().Format(time.RFC3339) //nolint:gosec // it fits
}

// unknown is the error of a host that the file has no key for.
func (k *knownHosts) unknown(key ssh.PublicKey) *failure {
	line := k.lines[0].name + " " + strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
	if trusted := k.authorities(); len(trusted) > 0 {
		return failf(UntrustedHost, "the Secret's known_hosts trusts certificates of %s for %s, and the server shows none but the key %s%s; its operator has to set HostCertificate, or, if that key is published, add the line %q", fingerprints(trusted), k.address, fingerprint(key), k.unreadable(), line)
	}
	return failf(UntrustedHost, "the Secret's known_hosts has no key for %s%s; the server's is %s: if its operator publishes the same, add the line %q", k.address, k.unreadable(), fingerprint(key), line)
}

// otherKinds is the error of a server that has no key of the kinds that are known.
func (k *knownHosts) otherKinds(offered []string) *failure {
	if len(k.known()) == 0 {
		return failf(UntrustedHost, "%s has no host key of a kind that is safe; it offers %s", k.address, foreign(strings.Join(offered, ", ")))
	}
	return failf(UntrustedHost, "%s has no host key of a kind that the Secret's known_hosts has for it: that says %s, and the server offers %s; add one of those", k.address, fingerprints(append(k.known(), k.authorities()...)), foreign(strings.Join(offered, ", ")))
}

func fingerprint(key ssh.PublicKey) string {
	return fmt.Sprintf("%s (%s)", ssh.FingerprintSHA256(key), key.Type())
}

func fingerprints(keys []ssh.PublicKey) string {
	var list []string
	for _, key := range keys {
		list = append(list, fingerprint(key))
	}
	return strings.Join(list, ", ")
}
