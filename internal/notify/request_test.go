// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAnAppIsAskedAsTheFlagsSay(t *testing.T) {
	t.Parallel()
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = []string{r.Method, r.URL.String(), r.Header.Get("Pillion-Commit"), r.Header.Get("User-Agent"), string(body)}
	}))
	defer server.Close()
	tell(t, server.URL+"/-/reload?full=1", "PUT", "2xx", "")
	if diff := cmp.Diff([]string{"PUT", "/-/reload?full=1", "abc", "pillion-helper", ""}, got); diff != "" {
		t.Errorf("the app got (-want +got):\n%s", diff)
	}
}

// tell tells once, and compares the error.
func tell(t *testing.T, url, method, statuses, want string) {
	t.Helper()
	r := request(t, url, method, statuses)
	switch err := r.Tell(t.Context(), "abc"); {
	case err == nil && want != "":
		t.Errorf("the app has heard, want the error %q", want)
	case err != nil && err.Error() != want:
		t.Errorf("got the error\n%v, want\n%s", err, want)
	}
}

func request(t *testing.T, url, method, statuses string) *Request {
	t.Helper()
	r, err := NewRequest(url, method, statuses, "Pillion-Commit")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheAnswerSaysWhetherTheAppHasHeard(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status   int
		header   string // Location
		body     string
		expected string
		want     string
	}{
		"as expected":                     {status: 200, expected: "2xx"},
		"in a list":                       {status: 304, expected: "2xx,304"},
		"a redirect may be what is right": {status: 302, header: "/", expected: "302"},
		"not in a list":                   {status: 202, expected: "200,204", want: "the app answers 202 Accepted, and 200,204 is expected"},
		"an error, with the app's words": {
			status: 500, body: " couldn't load \x1b[31mconfiguration\n", expected: "2xx",
			want: `the app answers 500 Internal Server Error, and 2xx is expected; it says "couldn't load \x1b[31mconfiguration"`,
		},
		"an error with many words": {
			status: 404, body: strings.Repeat("x", 1000), expected: "2xx",
			want: `the app answers 404 Not Found, and 2xx is expected; it says "` + strings.Repeat("x", 200) + `"…`,
		},
		"a redirect out of the pod": {
			status: 307, header: "https://example.com/", expected: "2xx",
			want: `the app answers 307 Temporary Redirect, and 2xx is expected; redirects (here to "https://example.com/") are not followed: name the URL that does the work`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked++
				if tc.header != "" {
					w.Header().Set("Location", tc.header)
				}
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			}))
			defer server.Close()
			tell(t, server.URL, "POST", tc.expected, tc.want)
			if asked != 1 {
				t.Errorf("the app was asked %d times, want once", asked)
			}
		})
	}
}

func TestAnAppThatNeverAnswersCostsABoundedTime(t *testing.T) {
	t.Parallel()
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-done }))
	defer server.Close()
	defer close(done)
	r := request(t, server.URL, "POST", "2xx")
	r.timeout = 50 * time.Millisecond
	if err := r.Tell(t.Context(), "abc"); err == nil || err.Error() != "the app does not answer within 50ms" {
		t.Errorf("got the error %v", err)
	}
}

func TestAnAppThatIsNotUpIsSaidToBeDown(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	tell(t, server.URL, "POST", "2xx", "nothing listens at "+address+" of the pod's loopback (connection refused)")
}

// An answer without end is read as far as its bounds.
func TestAnAnswerWithoutEndIsNotReadToItsEnd(t *testing.T) {
	t.Parallel()
	const tooLong = "the app does not answer: net/http: HTTP/1.x transport connection broken: net/http: server response headers exceeded 65536 bytes; aborted"
	for name, tc := range map[string]struct {
		start, again, want string
	}{
		"a body":   {"HTTP/1.1 200 OK\r\n\r\n", strings.Repeat("x", 1<<10), ""},
		"a header": {"HTTP/1.1 200 OK\r\n", "X: " + strings.Repeat("x", 1<<10) + "\r\n", tooLong},
		"noise":    {"\x00\x01", strings.Repeat("\x02", 1<<10), tooLong},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				_, _ = conn.Read(make([]byte, 4096))
				_, err = io.WriteString(conn, tc.start)
				for err == nil {
					_, err = io.WriteString(conn, tc.again)
				}
			}()
			err = request(t, "http://"+l.Addr().String(), "POST", "2xx").Tell(t.Context(), "abc")
			if got := text(err); got != tc.want {
				t.Errorf("got the error %q, want %q", got, tc.want)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestLocalhostIsBothLoopbackAddresses(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("this machine has no IPv6 loopback:", err)
	}
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}}
	server.Start()
	defer server.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	tell(t, "http://LocalHost:"+port, "GET", "200", "")
	tell(t, "http://[::1]:"+port+"/", "GET", "200", "")
}

func TestARequestThatLeavesThePodIsRefused(t *testing.T) {
	t.Parallel()
	const right = "; write it like http://localhost:9090/-/reload"
	for url, want := range map[string]string{
		"":                              `the URL "" is no URL`,
		"localhost:9090/reload":         `the URL "localhost:9090/reload" is no URL`,
		"http:///reload":                `the URL "http:///reload" is no URL`,
		"http://exa mple/":              `the URL "http://exa mple/" is no URL`,
		"https://localhost/":            `the URL "https://localhost/" must begin with http://, since the request does not leave the pod`,
		"ftp://localhost/":              `the URL "ftp://localhost/" must begin with http://, since the request does not leave the pod`,
		"http://user:geheim@localhost/": `the URL must not contain credentials`,
		"http://localhost/#top":         `the URL "http://localhost/#top" must not have a fragment, which would not be sent`,
		"http://localhost:0/":           `the URL "http://localhost:0/" has the port "0"; a port is a number from 1 to 65535`,
		"http://localhost:/":            `the URL "http://localhost:/" has the port ""; a port is a number from 1 to 65535`,
		"http://localhost:65536/":       `the URL "http://localhost:65536/" has the port "65536"; a port is a number from 1 to 65535`,
		"http://example.com/":           `the URL "http://example.com/" has the host "example.com", and must have localhost or a loopback address (127.0.0.1, [::1]): the request must not leave the pod`,
		"http://localhost.example.com/": `the URL "http://localhost.example.com/" has the host "localhost.example.com", and must have localhost or a loopback address (127.0.0.1, [::1]): the request must not leave the pod`,
		"http://0.0.0.0/":               `the URL "http://0.0.0.0/" has the host "0.0.0.0", and must have localhost or a loopback address (127.0.0.1, [::1]): the request must not leave the pod`,
		"http://10.0.0.1/":              `the URL "http://10.0.0.1/" has the host "10.0.0.1", and must have localhost or a loopback address (127.0.0.1, [::1]): the request must not leave the pod`,
		"http://169.254.169.254/latest": `the URL "http://169.254.169.254/latest" has the host "169.254.169.254", and must have localhost or a loopback address (127.0.0.1, [::1]): the request must not leave the pod`,
		"http://127.1/":                 `the URL "http://127.1/" has the host "127.1", and must have localhost or a loopback address (127.0.0.1, [::1]): the request must not leave the pod`,
		"http://2130706433/":            `the URL "http://2130706433/" has the host "2130706433", and must have localhost or a loopback address (127.0.0.1, [::1]): the request must not leave the pod`,
		"http://[fe80::1%25lo]/":        `the URL "http://[fe80::1%25lo]/" has the host "fe80::1%lo", and must have localhost or a loopback address (127.0.0.1, [::1]): the request must not leave the pod`,
		"http://[::]/":                  `the URL "http://[::]/" has the host "::", and must have localhost or a loopback address (127.0.0.1, [::1]): the request must not leave the pod`,
		"http://localhost/" + strings.Repeat("x", 3000): `the URL "http://localhost/` + strings.Repeat("x", 183) + `"… is 3017 bytes long, and at most 2048 are considered`,
	} {
		_, err := NewRequest(url, "POST", "2xx", "Pillion-Commit")
		if got := strings.TrimSuffix(text(err), right); got != want {
			t.Errorf("%s: got the error\n%q, want\n%q", url[:min(len(url), 40)], got, want)
		}
		if strings.Contains(text(err), "geheim") {
			t.Errorf("the error repeats a password: %v", err)
		}
	}
	for _, url := range []string{"http://localhost", "http://127.0.0.1:80/x?y=z", "http://127.255.0.3/", "http://[::1]:9090/", "http://[::1]"} {
		if _, err := NewRequest(url, "POST", "2xx", "Pillion-Commit"); err != nil {
			t.Errorf("%s is refused: %v", url, err)
		}
	}
	for method, want := range map[string]string{
		"post": `the method "post" must be one of POST, PUT, PATCH, GET, HEAD, DELETE`,
		"":     `the method "" must be one of POST, PUT, PATCH, GET, HEAD, DELETE`,
	} {
		if _, err := NewRequest("http://localhost/", method, "2xx", "Pillion-Commit"); text(err) != want {
			t.Errorf("got the error %v, want %s", err, want)
		}
	}
}

var errDialed = errors.New("dialed")

// Whatever is accepted connects to the loopback interface, as the HTTP client reads it.
func FuzzARequestStaysInThePod(f *testing.F) {
	for _, seed := range []string{
		"http://localhost:9090/-/reload", "http://[::1]/", "http://127.0.0.1", "http://localhost@example.com/", "http://example.com\\@localhost/",
		"http://[::ffff:127.0.0.1]/", "http://[::ffff:10.0.0.1]/", "http://localhost:80:80/", "http://%6c%6f/", "http://localhost%00/", "http://ⓛocalhost/",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, url string) {
		r, err := NewRequest(url, "POST", "2xx", "Pillion-Commit")
		if err != nil {
			return
		}
		var dialed []string
		transport := &http.Transport{DialContext: func(_ context.Context, _, address string) (net.Conn, error) {
			dialed = append(dialed, address)
			return nil, errDialed
		}}
		r.client.Transport = transport
		if err := r.Tell(t.Context(), "abc"); err == nil || len(dialed) != 1 {
			t.Fatalf("%q: it dials %q (%v), want one address", url, dialed, err)
		}
		host, _, err := net.SplitHostPort(dialed[0])
		if err != nil {
			t.Fatalf("%q: it dials %q: %v", url, dialed[0], err)
		}
		if address, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !address.Unmap().IsLoopback()) {
			t.Errorf("%q: it dials %q", url, dialed[0])
		}
	})
}
