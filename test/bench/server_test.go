// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bench

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// startTime is how long a server may take until it serves.
const startTime = 20 * time.Second

// program is how a server is started: its arguments, what it has in its environment
// besides ours, and that its clients trust.
type program struct {
	args  []string
	env   []string
	roots *x509.CertPool
	paths func(review string) string
}

// server is a running program.
type server struct {
	program
	cmd     *exec.Cmd
	client  *http.Client
	address string
}

// start returns once the program has said that it serves.
func (p program) start() (*server, error) {
	s := &server{program: p, cmd: exec.Command(p.args[0], p.args[1:]...)}
	s.cmd.Env = append(os.Environ(), p.env...)
	s.cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	log, err := s.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	defer time.AfterFunc(startTime, func() { _ = s.cmd.Process.Kill() }).Stop()
	lines, said := bufio.NewReader(log), ""
	for s.address == "" {
		line, err := lines.ReadString('\n')
		said += line
		if err != nil {
			s.stop()
			return nil, fmt.Errorf("%s ended, or did not say within %s that it serves: %s", strings.Join(p.args, " "), startTime, said)
		}
		var l struct{ Msg, Address string }
		if json.Unmarshal([]byte(line), &l) == nil && l.Msg == "serving" {
			s.address = l.Address
		}
	}
	go io.Copy(io.Discard, lines) // the webhook logs each review
	// The API server's client for a webhook that is named by its Service speaks HTTP/1.1
	// (k8s.io/apiserver v0.37, pkg/util/webhook/client.go, hookClientConfig), keeps 25 idle
	// connections (k8s.io/client-go, transport/cache.go) and no TLS sessions.
	s.client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: p.roots, NextProtos: []string{"http/1.1"}},
		MaxIdleConnsPerHost: 25,
	}}
	return s, nil
}

func (s *server) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	if s.client != nil {
		s.client.CloseIdleConnections()
	}
}

// post sends a review as the API server does, and returns the body of the answer.
func (s *server) post(name string, body []byte) ([]byte, error) {
	request, err := http.NewRequest(http.MethodPost, "https://"+s.address+s.paths(name)+"?timeout=10s", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json, */*")
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	reply, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers with status %d: %.500s", s.args[0], response.StatusCode, reply)
	}
	return reply, err
}

// cpu is the processor time of all threads so far, in user and system mode, to the
// nanosecond; /proc/PID/stat counts hundredths of a second.
func (s *server) cpu() (time.Duration, error) {
	clock := int32(^s.cmd.Process.Pid)<<3 | 2 // as clock_getcpuclockid(3) makes it
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		return 0, fmt.Errorf("the processor clock of %s: %w", s.args[0], err)
	}
	return time.Duration(t.Nano()), nil
}

// memory is a line of /proc/PID/status in MiB: VmRSS is resident now, VmHWM at its peak.
func (s *server) memory(line string) (float64, error) {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid), "status"))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), line+":")
	var kib float64
	if _, err := fmt.Sscanf(rest, "%f kB", &kib); err != nil {
		return 0, fmt.Errorf("%s of %s: %w", line, s.args[0], err)
	}
	return kib / 1024, nil
}
