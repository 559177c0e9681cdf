// SPDX-License-Identifier: Apache-2.0

//go:build linux

package admission

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/policy"
)

// growing are the parts of a review that a caller or a platform can have many of: the pod and
// the policy for so many.
func growing(tb testing.TB) map[string]func(n int) ([]byte, *inject.Policy) {
	tb.Helper()
	const asked = `"git-poller.pillion.dev/repo":"https://github.com/acme/site.git","git-poller.pillion.dev/mount-path":"/srv/site"`
	builtin := policy.Builtin()
	definition, err := os.ReadFile("testdata/defined-log-shipper/helper.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	return map[string]func(n int) ([]byte, *inject.Policy){
		"containers": func(n int) ([]byte, *inject.Policy) { return []byte(benchPod(asked, n, 8, 2200)), builtin },
		"annotations": func(n int) ([]byte, *inject.Policy) {
			var more strings.Builder
			for i := range 8 * n {
				fmt.Fprintf(&more, `,"example.com/annotation-%d":"a value"`, i)
			}
			return []byte(benchPod(asked+more.String(), 1, 0, 2200)), builtin
		},
		"definitions": func(n int) ([]byte, *inject.Policy) {
			var files []policy.File
			var listed strings.Builder
			for i := range n {
				name := fmt.Sprintf("shipper-%d", i)
				files = append(files, policy.File{Name: name, Data: bytes.ReplaceAll(definition, []byte("log-shipper"), []byte(name))})
				fmt.Fprintf(&listed, ", %s: {}", name)
			}
			files = append(files, policy.File{Name: "default.yaml", Data: []byte("apiVersion: pillion.dev/v1alpha1\nkind: InjectionPolicy\nmetadata: {name: default}\nspec: {helpers: {git-poller: {}" + listed.String() + "}}\n")})
			policies, errs := policy.Load(files)
			if len(errs) > 0 {
				tb.Fatal(errs)
			}
			return []byte(benchPod(asked, 1, 0, 2200)), policies["default"]
		},
	}
}

// BenchmarkGrowth is about the first pod of a template: what it takes by the number of its
// containers, of annotations that are not ours (eight for each of n), and of definitions that
// the policy lists. r2 is how well a line explains the processor time, of which each number
// has the minimum of all iterations, without the garbage collector's: 1 is a line. /each is what one more takes. Where it is
// less than the noise, as with definitions, r2 says nothing: see the share.
//
//	go test -run '^$' -bench Growth -benchtime 10x ./internal/admission
func BenchmarkGrowth(b *testing.B) {
	for name, of := range growing(b) {
		b.Run(name, func(b *testing.B) {
			const repeat = 5
			numbers := []float64{1, 16, 32, 48, 64}
			defer debug.SetGCPercent(debug.SetGCPercent(-1)) // its rounds come at some numbers and not at others
			took := make([]float64, len(numbers))            // microseconds for one review
			for i := range took {
				took[i] = math.Inf(1)
			}
			pods, policies := make([][]byte, len(numbers)), make([]*inject.Policy, len(numbers))
			for i, n := range numbers {
				pods[i], policies[i] = of(int(n))
			}
			largest, withLargest := of(128)
			for b.Loop() {
				turn(b, withLargest, largest, repeat) // takes from the kernel, which bills for it, the pages that the others need
				for i := range numbers {
					runtime.GC() // that of the one before is not this one's
					before := processorTime(b)
					turn(b, policies[i], pods[i], repeat)
					took[i] = min(took[i], float64(processorTime(b)-before)/float64(time.Microsecond)/repeat)
				}
			}
			from, each, r2 := line(numbers, took)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(r2, "r2")
			b.ReportMetric(each, "cpu-µs/each")
			b.ReportMetric(each/from*100, "%/each")
			b.Logf("%v take %.0f µs", numbers, took)
		})
	}
}

func turn(b *testing.B, policy *inject.Policy, pod []byte, repeat int) {
	for range repeat {
		if _, err := Inject(testInjector, policy, pod, Template{}); err != nil {
			b.Fatal(err)
		}
	}
}

// line is the best line through some points, and its coefficient of determination.
func line(x, y []float64) (from, slope, r2 float64) {
	n := float64(len(x))
	var sx, sy, sxx, sxy, syy float64
	for i := range x {
		sx, sy, sxx, sxy, syy = sx+x[i], sy+y[i], sxx+x[i]*x[i], sxy+x[i]*y[i], syy+y[i]*y[i]
	}
	covariance, ofX, ofY := sxy-sx*sy/n, sxx-sx*sx/n, syy-sy*sy/n
	slope = covariance / ofX
	return (sy - slope*sx) / n, slope, covariance * covariance / (ofX * ofY)
}
