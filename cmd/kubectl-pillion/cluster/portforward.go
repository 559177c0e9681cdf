// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

// servedTimeout is how long a handshake through the API server and a kubelet may take.
const servedTimeout = 10 * time.Second

// Served reads the certificate chain by which a pod serves TLS at a port, for a name,
// without verifying it: a laptop reaches no pod, but the API server's port-forward does.
// Nothing listens on this machine meanwhile.
func (c *Client) Served(ctx context.Context, namespace, pod string, port int32, name string) ([]*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, servedTimeout)
	defer cancel()
	type answer struct {
		chain []*x509.Certificate
		err   error
	}
	answers := make(chan answer, 1)
	go func() { // dialling knows no context
		chain, err := c.served(ctx, namespace, pod, port, name)
		answers <- answer{chain, err}
	}()
	select {
	case a := <-answers:
		return a.chain, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("no answer within %s", servedTimeout)
	}
}

func (c *Client) served(ctx context.Context, namespace, pod string, port int32, name string) ([]*x509.Certificate, error) {
	dialer, err := c.dialer(namespace, pod)
	if err != nil {
		return nil, err
	}
	connection, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
	if err != nil {
		if strings.Contains(err.Error(), `resource "pods/portforward"`) { // the dialer keeps the text of a status alone
			return nil, apierrors.NewForbidden(schema.GroupResource{Resource: "pods/portforward"}, pod, err)
		}
		return nil, err
	}
	defer connection.Close()
	defer context.AfterFunc(ctx, func() { _ = connection.Close() })() // ends reads
	data, failure, err := streams(connection, port)
	if err != nil {
		return nil, err
	}
	handshake := tls.Client(streamConn{data}, &tls.Config{ServerName: name, InsecureSkipVerify: true}) //nolint:gosec // who trusts the chain is what the caller finds out
	if err := handshake.HandshakeContext(ctx); err != nil {
		_ = data.Reset()
		_ = connection.Close()
		if said := <-failure; said != "" { // the kubelet's words, such as "connection refused"
			return nil, errors.New(said)
		}
		return nil, err
	}
	return handshake.ConnectionState().PeerCertificates, nil
}

// dialer uses a WebSocket, and SPDY where the API server or a proxy before it knows no
// other, as kubectl does.
func (c *Client) dialer(namespace, pod string) (httpstream.Dialer, error) {
	at := c.rest.Post().AbsPath("/api/v1").Namespace(namespace).Resource("pods").Name(pod).SubResource("portforward").URL()
	transport, upgrader, err := spdy.RoundTripperFor(c.config)
	if err != nil {
		return nil, err
	}
	old := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, at)
	tunnel, err := portforward.NewSPDYOverWebsocketDialerForStreaming(at, c.config)
	if err != nil {
		return nil, err
	}
	return portforward.NewFallbackDialerForStreaming(tunnel, old, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	}), nil
}

// streams opens what one forwarded connection is made of. failure gets what the other end
// says went wrong, or "" at its end.
func streams(connection httpstream.Connection, port int32) (data httpstream.Stream, failure <-chan string, err error) {
	headers := http.Header{}
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	headers.Set(corev1.PortHeader, strconv.Itoa(int(port)))
	headers.Set(corev1.PortForwardRequestIDHeader, "0")
	failed, err := connection.CreateStream(headers)
	if err != nil {
		return nil, nil, err
	}
	_ = failed.Close() // nothing is written to it
	said := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(failed) // the stream ends with the connection
		said <- strings.TrimSpace(string(text))
	}()
	headers.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err = connection.CreateStream(headers)
	return data, said, err
}

// streamConn is a stream with what else a net.Conn has. Its deadlines are those of the
// connection that it is a part of.
type streamConn struct{ httpstream.Stream }

func (streamConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (streamConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (streamConn) SetDeadline(time.Time) error      { return nil }
func (streamConn) SetReadDeadline(time.Time) error  { return nil }
func (streamConn) SetWriteDeadline(time.Time) error { return nil }
