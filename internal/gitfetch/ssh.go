// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	// maxStderr is how much is kept of what a server says beside the protocol, in bytes.
	maxStderr = 4 << 10
	// lastWords is how long to wait for it after the protocol has ended.
	lastWords = 2 * time.Second
)

// sshRemote runs git-upload-pack on a server, as git does for ssh:// URLs.
type sshRemote struct {
	endpoint endpoint
	route    *route
	signer   ssh.Signer
	hosts    *knownHosts

	client  *ssh.Client
	conn    *idleConn   // of the client
	release func() bool // of the context
	session *ssh.Session
	stdin   io.WriteCloser
	stdout  io.Reader
	stderr  *headBuffer
	ended   chan struct{}
}

func newSSHRemote(e endpoint, authDir string, r *route) (*sshRemote, error) {
	pem, err := readSecretFile(authDir, "ssh-privatekey")
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(pem)
	if _, ok := errors.AsType[*ssh.PassphraseMissingError](err); ok {
		return nil, failf(Misconfigured, "the Secret's ssh-privatekey is protected by a passphrase, which cannot be entered here; use a key without one")
	}
	if err != nil {
		return nil, failf(Misconfigured, "the Secret's ssh-privatekey cannot be read (%v); it must be a private key as ssh-keygen writes it", err)
	}
	hosts, err := readKnownHosts(authDir, e.address())
	if err != nil {
		return nil, err
	}
	return &sshRemote{endpoint: e, route: r, signer: signer, hosts: hosts}, nil
}

func (s *sshRemote) greet(ctx context.Context) (io.Reader, error) {
	s.rest()
	if s.client == nil {
		if err := s.login(ctx); err != nil {
			return nil, err
		}
	}
	conn := s.conn // not the one of a later login
	conn.wake()
	s.release = context.AfterFunc(ctx, func() { _ = conn.Close() })
	session, err := s.client.NewSession()
	if err != nil {
		return nil, connectionError(err)
	}
	s.session, s.stderr = session, &headBuffer{}
	if err := session.Setenv("GIT_PROTOCOL", "version=2"); err != nil && ctx.Err() != nil {
		return nil, connectionError(err) // any other error is a server that takes no variables
	}
	session.Stderr = s.stderr
	if s.stdin, err = session.StdinPipe(); err != nil {
		return nil, connectionError(err)
	}
	if s.stdout, err = session.StdoutPipe(); err != nil {
		return nil, connectionError(err)
	}
	if err := session.Start(uploadPack(s.endpoint.Path)); err != nil {
		return nil, connectionError(err)
	}
	ended := make(chan struct{})
	s.ended = ended
	go func() {
		defer close(ended)
		_ = session.Wait() // its status says less than what it wrote
	}()
	return s.stdout, nil
}

// uploadPack is the command line that makes a server speak git's protocol. A shell
// parses it, or what has its own idea of one, so the path is quoted as git quotes it.
func uploadPack(path string) string {
	if strings.HasPrefix(path, "/~") { // ssh://host/~user/site.git
		path = path[1:]
	}
	return "git-upload-pack '" + strings.NewReplacer(`'`, `'\''`, `!`, `'\!'`).Replace(path) + "'"
}

// login connects, checks the host's key and authenticates.
func (s *sshRemote) login(ctx context.Context) error {
	stream, conn, err := s.route.dialSSH(ctx, s.endpoint)
	if err != nil {
		return connectionError(err)
	}
	shaken, cancel := context.WithTimeout(ctx, s.route.connect)
	defer cancel()
	stop := context.AfterFunc(shaken, func() { _ = conn.Close() })
	c, channels, requests, err := ssh.NewClientConn(stream, s.endpoint.address(), s.config())
	if !stop() && err == nil {
		err = net.ErrClosed
	}
	if err != nil {
		_ = conn.Close()
		return s.loginError(shaken, err)
	}
	s.client, s.conn = ssh.NewClient(c, channels, requests), conn
	return nil
}

func (s *sshRemote) config() *ssh.ClientConfig {
	user := s.endpoint.User.Username()
	if user == "" {
		user = "git"
	}
	return &ssh.ClientConfig{
		User:              user,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(s.signer)},
		HostKeyCallback:   s.hosts.check,
		HostKeyAlgorithms: s.hosts.algorithms(),
	}
}

func (s *sshRemote) loginError(ctx context.Context, err error) error {
	if s.hosts.refused != nil {
		return s.hosts.refused
	}
	if ctx.Err() != nil {
		return failf(Unreachable, "the server did not complete the ssh handshake in %v", s.route.connect)
	}
	if differ, ok := errors.AsType[*ssh.AlgorithmNegotiationError](err); ok {
		if differ.What == "host key" {
			return s.hosts.otherKinds(differ.RequestedAlgorithms)
		}
		return failf(BadServer, "the server and this program have no %s for ssh in common; it offers %s", foreign(differ.What), foreign(strings.Join(differ.RequestedAlgorithms, ", ")))
	}
	if strings.Contains(err.Error(), "unable to authenticate") { // there is no type for it
		return failf(Unauthorized, "the server does not take the Secret's ssh-privatekey (%s); add its public key to the server, as a deploy key for instance", ssh.FingerprintSHA256(s.signer.PublicKey()))
	}
	return connectionError(err)
}

// forgetful is false: a conversation is a program that runs on the server.
func (*sshRemote) forgetful() bool { return false }

func (s *sshRemote) ask(_ context.Context, request []byte) (io.Reader, error) {
	if _, err := s.stdin.Write(request); err != nil {
		return nil, connectionError(err)
	}
	return s.stdout, nil
}

// explain turns to what the server wrote to stderr where the protocol just ended.
func (s *sshRemote) explain(err error) error {
	f, ok := errors.AsType[*failure](err)
	if !ok || s.ended == nil || f.quotes || f.reason != BadServer && f.reason != Unreachable {
		return err
	}
	select {
	case <-s.ended:
	case <-time.After(lastWords):
	}
	if text := s.stderr.String(); text != "" {
		return remoteSaid(text)
	}
	return err
}

func (s *sshRemote) rest() {
	if s.session != nil {
		if s.stdin != nil {
			_, _ = io.WriteString(s.stdin, flushPacket) // so that nobody logs that we hung up
		}
		_ = s.session.Close()
		s.session, s.stdin = nil, nil
	}
	if s.release != nil {
		s.release()
		s.release = nil
	}
	s.conn.rest()
}

func (s *sshRemote) close() {
	s.rest()
	if s.client != nil {
		_ = s.client.Close()
		s.client = nil
	}
}

// headBuffer keeps the beginning of what is written, without the decoration that
// servers put before each line.
type headBuffer struct {
	mu   sync.Mutex
	text []byte
}

func (h *headBuffer) Write(data []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text = append(h.text, data[:min(len(data), maxStderr-len(h.text))]...)
	return len(data), nil
}

func (h *headBuffer) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var lines []string
	for line := range strings.Lines(string(h.text)) {
		line = strings.Trim(strings.TrimPrefix(strings.TrimSpace(line), "remote:"), " =")
		if line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, " ")
}
