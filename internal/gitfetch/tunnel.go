// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
)

// dialOnce connects for a conversation that does not rest.
func (r *route) dialOnce(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := r.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// dialSSH connects to an ssh server, through the proxy if that is for ssh too. It
// returns what ssh is spoken over, and the connection below it.
func (r *route) dialSSH(ctx context.Context, e endpoint) (net.Conn, *idleConn, error) {
	via := r.proxy.to(e.URL)
	if via == nil {
		conn, err := r.dial(ctx, "tcp", e.address())
		return conn, conn, err
	}
	conn, err := r.dial(ctx, "tcp", addressOf(via)) // no named result: it is closed behind our back
	if err != nil {
		return nil, nil, r.proxy.unreachable(&net.OpError{Op: "proxyconnect", Net: "tcp", Err: err})
	}
	ctx, cancel := context.WithTimeout(ctx, r.connect)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	stream, err := r.tunnel(ctx, conn, via, e.address())
	if !stop() && err == nil {
		err = net.ErrClosed
	}
	if err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	return stream, conn, nil
}

// tunnel has a proxy connect to an address (RFC 9110, section 9.3.6).
func (r *route) tunnel(ctx context.Context, conn net.Conn, via *url.URL, address string) (net.Conn, error) {
	if via.Scheme == "https" {
		config := r.tls()
		config.ServerName = via.Hostname()
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, r.proxy.unreachable(&net.OpError{Op: "proxyconnect", Net: "tcp", Err: err})
		}
		conn = secure
	}
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{"User-Agent": {agent}}}
	if login := r.proxy.login; login != nil {
		request.Header.Set("Proxy-Authorization", login.header())
	}
	if err := request.Write(conn); err != nil {
		return nil, r.proxy.unreachable(&net.OpError{Op: "proxyconnect", Net: "tcp", Err: err})
	}
	limited := &io.LimitedReader{R: conn, N: 64 << 10}
	in := bufio.NewReader(limited)
	response, err := http.ReadResponse(in, request) // the body is never closed: behind the head comes what the server says
	if err != nil {
		return nil, r.proxy.unreachable(&net.OpError{Op: "proxyconnect", Net: "tcp", Err: err})
	}
	if response.StatusCode != http.StatusOK {
		return nil, r.proxy.refusal(response, address)
	}
	limited.N = math.MaxInt64
	return &tunnelConn{Conn: conn, in: in}, nil
}

// tunnelConn begins with what was read together with the proxy's answer.
type tunnelConn struct {
	net.Conn
	in *bufio.Reader
}

func (c *tunnelConn) Read(b []byte) (int, error) { return c.in.Read(b) }
