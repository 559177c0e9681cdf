// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"
)

// maxExecOutput is how much of an output is kept, in bytes.
const maxExecOutput = 256 << 10

// Exec runs a command in a container, and returns what it prints and its exit code. An error
// says why it could not be run; [apierrors.IsForbidden] knows the one of missing rights.
func (c *Client) Exec(ctx context.Context, namespace, pod, container string, command ...string) (stdout []byte, stderr string, code int, err error) {
	at := c.rest.Post().AbsPath("/api/v1").Namespace(namespace).Resource("pods").Name(pod).SubResource("exec").
		Param("container", container).Param("stdout", "true").Param("stderr", "true")
	for _, word := range command {
		at.Param("command", word)
	}
	executor, err := c.executor(at.URL())
	if err != nil {
		return nil, "", 0, err
	}
	var out, problems bounded
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &out, Stderr: &problems})
	if exit, ok := errors.AsType[exec.CodeExitError](err); ok {
		return out.Bytes(), problems.String(), exit.Code, nil
	}
	if err != nil && strings.Contains(err.Error(), `resource "pods/exec"`) { // the dialer keeps the text of a status alone
		err = apierrors.NewForbidden(schema.GroupResource{Resource: "pods/exec"}, pod, err)
	}
	return out.Bytes(), problems.String(), 0, err
}

// executor uses a WebSocket, and SPDY where the API server or a proxy before it knows no
// other, as kubectl does.
func (c *Client) executor(at *url.URL) (remotecommand.Executor, error) {
	old, err := remotecommand.NewSPDYExecutor(c.config, http.MethodPost, at)
	if err != nil {
		return nil, err
	}
	socket, err := remotecommand.NewWebSocketExecutor(c.config, http.MethodGet, at.String()) // as RFC 6455 has it
	if err != nil {
		return nil, err
	}
	return remotecommand.NewFallbackExecutor(socket, old, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
}

// bounded keeps the beginning of what is written to it.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	b.Buffer.Write(p[:min(len(p), maxExecOutput-b.Len())])
	return len(p), nil
}
