// SPDX-License-Identifier: Apache-2.0

package browser

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// tab is one of a browser, and what happened in it.
type tab struct {
	t   *testing.T
	ctx context.Context

	mutex    sync.Mutex
	requests []string
	wrong    []string // messages of the console, and exceptions
}

// open opens an address in a browser of its own.
func open(t *testing.T, address string) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chrome), chromedp.NoSandbox, // root has none, as in CI
		chromedp.WSURLReadTimeout(patience), chromedp.Flag("disable-gpu", true))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	b := &tab{t: t, ctx: ctx}
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, network.Enable, network.EnableParams{})
		_, err2 := cdp.Call(ctx, target, log.Enable, cdp.Empty{})
		return errors.Join(err, err2)
	}))
	if err := chromedp.Listen(ctx, func(event any) {
		b.mutex.Lock()
		defer b.mutex.Unlock()
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			b.requests = append(b.requests, e.Request.URL)
		case *runtime.EventExceptionThrown:
			b.wrong = append(b.wrong, fmt.Sprint(e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
		case *log.EventEntryAdded:
			b.wrong = append(b.wrong, e.Entry.Text)
		}
	}); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.EmulateViewport(1280, 900), chromedp.Navigate(address))
	return b
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// get runs an action for its result.
func get[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, action)
	if err != nil {
		b.t.Fatal(err)
	}
	return value
}

// run runs JavaScript for its effect.
func (b *tab) run(script string) { b.t.Helper(); b.do(chromedp.Evaluate[chromedp.Void](script)) }

// wait waits until an expression of JavaScript is true.
func (b *tab) wait(expression string) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingTimeout(patience), chromedp.WithPollingInterval(50*time.Millisecond))); err != nil {
		text, _ := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS("body")))
		b.t.Fatalf("waiting for %s: %v\n%s", expression, err, text)
	}
}

// text is what a person reads in an element.
func (b *tab) text(selector string) string {
	b.t.Helper()
	return strings.Join(strings.Fields(get(b, chromedp.Text(chromedp.CSS(selector)))), " ")
}

// focus says where the keyboard is.
func (b *tab) focus() string {
	b.t.Helper()
	return get(b, chromedp.Evaluate[string](`(document.activeElement.id || document.activeElement.localName) + (document.activeElement.hash || "")`))
}

func (b *tab) press(key string) { b.t.Helper(); b.do(chromedp.KeyEvent(key)) }

// tabTo presses Tab until the focus is at an element, and returns where it has been.
func (b *tab) tabTo(id string) (way []string) {
	b.t.Helper()
	for range 40 {
		b.press(kb.Tab)
		at := b.focus()
		if at == id {
			return way
		}
		way = append(way, at)
	}
	b.t.Fatalf("Tab does not come to %s, only to %v", id, way)
	return nil
}

// clean wants that the page has asked its own server alone, and that the console is empty.
func (b *tab) clean(address string) {
	b.t.Helper()
	own, err := url.Parse(address)
	if err != nil {
		b.t.Fatal(err)
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for _, request := range b.requests {
		if u, err := url.Parse(request); err != nil || u.Host != own.Host {
			b.t.Errorf("a request goes to %s", request)
		}
	}
	if len(b.requests) < 4 {
		b.t.Errorf("only %d requests were seen", len(b.requests))
	}
	for _, text := range b.wrong {
		b.t.Errorf("the console says: %s", text)
	}
}

// pictures writes the page to the directory that DASHBOARD_PICTURES names, if it does: wide and
// narrow, light and dark.
func (b *tab) pictures(name string) {
	b.t.Helper()
	dir := os.Getenv("DASHBOARD_PICTURES")
	if dir == "" {
		return
	}
	for _, width := range []int64{1280, 390} {
		for _, scheme := range []string{"light", "dark"} {
			b.do(chromedp.EmulateViewport(width, 900), chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
				feature := &emulation.MediaFeature{Name: "prefers-color-scheme", Value: scheme}
				_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{feature}})
				return err
			}))
			picture := get(b, chromedp.FullScreenshot(100))
			file := filepath.Join(dir, name+"-"+map[int64]string{1280: "wide", 390: "narrow"}[width]+"-"+scheme+".png")
			if err := os.WriteFile(file, picture, 0o600); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	b.do(chromedp.EmulateViewport(1280, 900))
}

// narrow wants that nothing of the page is wider than a small screen.
func (b *tab) narrow() {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(390, 900))
	over := get(b, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`))
	if b.do(chromedp.EmulateViewport(1280, 900)); over > 0 {
		b.t.Errorf("on a screen of 390 pixels the page is %d pixels too wide", over)
	}
}
