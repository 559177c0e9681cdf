// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// knownHosts is a known_hosts file (sshd(8)), asked about one host. Lines with
// @cert-authority are read but of no use: hosts are asked for plain keys only.
type knownHosts struct {
	address string // host:port
	lookup  ssh.HostKeyCallback
	refused *failure // why check said no
}

func readKnownHosts(dir, address string) (*knownHosts, error) {
	lookup, err := knownhosts.New(filepath.Join(dir, "known_hosts"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, failf(Misconfigured, "the Secret has no key known_hosts; ssh is used only with servers whose key is known beforehand: add what ssh-keyscan prints for %s, after comparing it with what the server's operator publishes", address)
	}
	if err != nil {
		return nil, failf(Misconfigured, "the Secret's known_hosts cannot be read (%v)", err)
	}
	return &knownHosts{address: address, lookup: lookup}, nil
}

// known returns the keys that the file has for the host.
func (k *knownHosts) known() []ssh.PublicKey {
	nobodys, err := ssh.NewPublicKey(ed25519.PublicKey(make([]byte, ed25519.PublicKeySize)))
	if err != nil {
		return nil
	}
	unknown, ok := errors.AsType[*knownhosts.KeyError](k.lookup(k.address, &net.TCPAddr{}, nobodys))
	if !ok {
		return nil
	}
	var keys []ssh.PublicKey
	for _, want := range unknown.Want {
		keys = append(keys, want.Key)
	}
	return keys
}

// algorithms are those that make the server show a key that the file can vouch for;
// it may have others besides. Nil means that the host is not in the file: then any
// will do, for the error.
func (k *knownHosts) algorithms() []string {
	var algorithms []string
	for _, key := range k.known() {
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

// check is an [ssh.HostKeyCallback].
func (k *knownHosts) check(_ string, remote net.Addr, key ssh.PublicKey) error {
	err := k.lookup(k.address, remote, key)
	if err == nil {
		return nil
	}
	offered := fingerprint(key)
	unknown, ok := errors.AsType[*knownhosts.KeyError](err)
	switch {
	case !ok:
		k.refused = failf(UntrustedHost, "the host key of %s, %s, is not to be trusted (%v)", k.address, offered, err)
	case len(unknown.Want) == 0:
		k.refused = failf(UntrustedHost, "the Secret's known_hosts has no key for %s; the server's is %s: if its operator publishes the same, add the line %q", k.address, offered, knownhosts.Line([]string{k.address}, key))
	default:
		k.refused = failf(UntrustedHost, "the host key of %s is %s, and the Secret's known_hosts says %s; if the server's operator has changed it, update known_hosts, and if not, this is another server", k.address, offered, fingerprints(k.known()))
	}
	return k.refused
}

// otherKinds is the error of a server that has no key of the kinds that are known.
func (k *knownHosts) otherKinds(offered []string) *failure {
	return failf(UntrustedHost, "%s has no host key of a kind that the Secret's known_hosts has for it: that says %s, and the server offers %s; add one of those", k.address, fingerprints(k.known()), foreign(strings.Join(offered, ", ")))
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
