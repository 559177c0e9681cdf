// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestASupervisorAnswersAndGoesDown(t *testing.T) {
	t.Parallel()
	name := "pillion-test-" + rand.Text()
	if _, err := ask(t.Context(), name, false); !errors.Is(err, errNotUp) {
		t.Errorf("before it is up: error %v, want %v", err, errNotUp)
	}

	ended, down := context.WithCancel(t.Context())
	c, err := serve(name, down)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := serve(name, down); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("a second one: error %v, want %v", err, unix.EADDRINUSE)
	}
	want := Status{PID: 7, Kubeconfig: "/k", Binaries: "/b"}
	c.set(want)
	if got, err := ask(t.Context(), name, false); err != nil || got != want {
		t.Errorf("status %v, error %v; want %v", got, err, want)
	}
	if ended.Err() != nil {
		t.Error("asking took it down")
	}

	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan error, 1)
	go func() {
		_, err := ask(ctx, name, true)
		answered <- err
	}()
	<-ended.Done()
	select {
	case err := <-answered:
		t.Errorf("the answer came before the supervisor's end: %v", err)
	default:
	}
	cancel()
	<-answered
}

func TestAStatusSaysHowToUseTheNode(t *testing.T) {
	t.Parallel()
	got := Status{PID: 7, Kubeconfig: "/tmp/k", Binaries: "/b"}.describe()
	for _, want := range []string{"\nexport KUBECONFIG=/tmp/k\n", "nsenter --target 7 --net"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
}
