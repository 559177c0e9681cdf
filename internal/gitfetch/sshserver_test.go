// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// sshServer is a server that runs what it is told, through a shell as sshd does. It
// takes connections from its first request on, so its fields are to be set before.
type sshServer struct {
	start   func()
	address string
	key     []byte // private, PEM: what it takes
	keys    map[string]ssh.Signer
	handle  func(net.Conn) // instead of speaking ssh
	command func(line string) *exec.Cmd
	v0      bool // take no variables, and so not the one that asks for version 2
}

// newSSHServer starts a server with an ed25519 and an RSA host key.
func newSSHServer(t testing.TB) *sshServer {
	t.Helper()
	_, private, _ := ed25519.GenerateKey(rand.Reader)
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	s := &sshServer{key: pem.EncodeToMemory(block), keys: map[string]ssh.Signer{}}
	s.keys[ssh.KeyAlgoED25519] = newEd25519(t)
	s.keys[ssh.KeyAlgoRSA] = hostRSA()
	s.command = func(line string) *exec.Cmd {
		cmd := exec.Command("/bin/sh", "-c", line)
		cmd.Dir, cmd.Env = t.TempDir(), append(gitEnv(), "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*")
		return cmd
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	s.address = listener.Addr().String()
	s.start = sync.OnceFunc(func() { go s.accept(listener) })
	return s
}

func (s *sshServer) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go s.serve(conn)
	}
}

func (s *sshServer) serve(conn net.Conn) {
	defer conn.Close()
	if s.handle != nil {
		s.handle(conn)
		return
	}
	signer, _ := ssh.ParsePrivateKey(s.key)
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if !bytes.Equal(key.Marshal(), signer.PublicKey().Marshal()) {
			return nil, io.EOF
		}
		return nil, nil
	}}
	for _, key := range s.keys {
		config.AddHostKey(key)
	}
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for c := range channels {
		channel, requests, err := c.Accept()
		if err != nil {
			return
		}
		go s.session(channel, requests)
	}
}

func (s *sshServer) session(channel ssh.Channel, requests <-chan *ssh.Request) {
	defer channel.Close()
	protocol := ""
	for r := range requests {
		var variable struct{ Name, Value string }
		if r.Type == "env" && !s.v0 && ssh.Unmarshal(r.Payload, &variable) == nil && variable.Name == "GIT_PROTOCOL" {
			protocol = variable.Value
			_ = r.Reply(true, nil)
			continue
		}
		var exec struct{ Line string }
		if r.Type != "exec" || ssh.Unmarshal(r.Payload, &exec) != nil {
			_ = r.Reply(false, nil)
			continue
		}
		_ = r.Reply(true, nil)
		cmd := s.command(exec.Line)
		if protocol != "" {
			cmd.Env = append(cmd.Env, "GIT_PROTOCOL="+protocol)
		}
		cmd.Stdout, cmd.Stderr = channel, channel.Stderr()
		stdin, _ := cmd.StdinPipe() // so that the command's end does not wait for the client's
		go func() {
			_, _ = io.Copy(stdin, channel)
			_ = stdin.Close()
		}()
		_ = cmd.Run()
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(max(cmd.ProcessState.ExitCode(), 0))}))
		return
	}
}

// line is the server's line in known_hosts, for a kind of key.
func (s *sshServer) line(kind string) string {
	return knownhosts.Line([]string{s.address}, s.keys[kind].PublicKey()) + "\n"
}

// request fetches a path of the server, with the right key and a known_hosts file.
func (s *sshServer) request(t testing.TB, path, knownHosts string) Request {
	t.Helper()
	s.start()
	return Request{
		Repo: "ssh://git@" + s.address + strings.ReplaceAll(path, "!", "%21"), Auth: AuthSSH,
		AuthDir: secret(t, map[string]string{"ssh-privatekey": string(s.key), "known_hosts": knownHosts}),
	}
}

// secret writes the keys of a Secret as files, as the kubelet does.
func secret(t testing.TB, keys map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for key, value := range keys {
		if err := os.WriteFile(filepath.Join(dir, key), []byte(value), 0o444); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// hostRSA is one key for all servers: it takes long to find.
var hostRSA = sync.OnceValue(func() ssh.Signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		panic(err)
	}
	return signer
})

func newEd25519(t testing.TB) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func newECDSA(t testing.TB) ssh.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, _ := ssh.NewSignerFromKey(key)
	return signer
}
