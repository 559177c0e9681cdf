// SPDX-License-Identifier: Apache-2.0

//go:build linux

package flood

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pillion-dev/pillion/test/controlplane"
)

// webhook is a running cmd/webhook.
type webhook struct {
	cmd      *exec.Cmd
	tls      *tls.Config
	address  string
	logBytes atomic.Int64
}

func build(t *testing.T) (binary string) {
	t.Helper()
	binary = filepath.Join(t.TempDir(), "webhook")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", binary, "../../cmd/webhook")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return binary
}

// run starts a webhook as config/webhook/deployment.yaml does, and returns once it serves.
func run(t *testing.T, binary string) *webhook {
	t.Helper()
	dir := t.TempDir()
	certificate, err := controlplane.WriteCertificate(dir)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	w := &webhook{
		cmd: exec.CommandContext(t.Context(), binary, "--listen=127.0.0.1:0", "--health-listen=127.0.0.1:0", "--cert-dir="+dir),
		// One curve, so that 10,000 handshakes take this process less of the processors.
		tls: &tls.Config{RootCAs: roots, ServerName: "127.0.0.1", NextProtos: []string{"http/1.1"}, CurvePreferences: []tls.CurveID{tls.X25519}},
	}
	w.cmd.Env = append(os.Environ(), "GOGC=400", "GOMEMLIMIT=241591910")
	w.cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	log, err := w.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = w.cmd.Process.Kill()
		_ = w.cmd.Wait()
	})
	lines := bufio.NewReader(log)
	for w.address == "" {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("the webhook ended before it served: %v\n%s", err, line)
		}
		var l struct{ Msg, Address string }
		if json.Unmarshal([]byte(line), &l) == nil && l.Msg == "serving" {
			w.address = l.Address
		}
	}
	go func() {
		_, _ = io.Copy(io.Discard, countReads{lines, &w.logBytes}) // until the webhook ends
	}()
	return w
}

type countReads struct {
	io.Reader
	n *atomic.Int64
}

func (c countReads) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// memory is a line of /proc/PID/status in MiB: VmRSS is resident now, VmHWM at its peak.
func (w *webhook) memory(t *testing.T, line string) float64 {
	t.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(w.cmd.Process.Pid), "status"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), line+":")
	var kib float64
	if _, err := fmt.Sscanf(rest, "%f kB", &kib); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return kib / 1024
}

// dialer connects from an address of 127.0.0.0/8.
func dialer(from string) *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: time.Minute}
}

// connect shakes hands.
func (w *webhook) connect(ctx context.Context, from string) (*tls.Conn, error) {
	tcp, err := dialer(from).DialContext(ctx, "tcp", w.address)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(tcp, w.tls)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = tcp.Close()
		return nil, err
	}
	return conn, nil
}

// client is the API server's for a webhook that is named by its Service: HTTP/1.1, 25 idle
// connections, no TLS sessions (k8s.io/apiserver v0.37, pkg/util/webhook/client.go).
func (w *webhook) client(from string) *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DialContext: dialer(from).DialContext, TLSClientConfig: w.tls, MaxIdleConnsPerHost: 25, IdleConnTimeout: 90 * time.Second,
	}}
}

// post sends a body once.
func (w *webhook) post(ctx context.Context, c *http.Client, body []byte) (status int, answer int64, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+w.address+"/inject/default?timeout=10s", bytes.NewReader(body))
	if err != nil {
		return 0, 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.Do(request)
	if err != nil {
		return 0, 0, err
	}
	defer response.Body.Close()
	answer, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, answer, err
}
