// SPDX-License-Identifier: MIT

// Goroutines on one processor (the driver sets GOMAXPROCS=1), with the tests of bench.hpp.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

type run struct{ operations int }

func check(right bool, what string) {
	if !right {
		fmt.Fprintln(os.Stderr, "wrong result:", what)
		os.Exit(1)
	}
}

func cpuNanoseconds() int64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func (r run) measure(body func(count int)) {
	warmUp := r.operations / 10
	if r.operations < 100_000 {
		warmUp = 500 // as in bench.hpp
	}
	body(warmUp)
	r.measureCold(func() { body(r.operations) })
}

func (r run) measureCold(body func()) {
	cpu := cpuNanoseconds()
	begin := time.Now()
	body()
	fmt.Println("nanoseconds", time.Since(begin).Nanoseconds())
	fmt.Println("cpu", cpuNanoseconds()-cpu)
}

// Two goroutines take turns.
func roundTrip(r run) {
	go func() {
		for {
			runtime.Gosched()
		}
	}()
	r.measure(func(count int) {
		for i := 0; i < count; i++ {
			runtime.Gosched()
		}
	})
}

func spawnJoin(r run) {
	r.measure(func(count int) {
		ran := 0
		for i := 0; i < count; i++ {
			var group sync.WaitGroup
			group.Add(1)
			go func() {
				ran++
				group.Done()
			}()
			group.Wait()
		}
		check(ran == count, "each goroutine ran")
	})
}

func spawn(r run) {
	const batch = 100
	r.measure(func(count int) {
		ran := 0
		for i := 0; i < count; i += batch {
			var group sync.WaitGroup
			group.Add(batch)
			for k := 0; k < batch; k++ {
				go func() {
					ran++
					group.Done()
				}()
			}
			group.Wait()
		}
		check(ran >= count, "each goroutine ran")
	})
}

// Numbers through a channel.
func channel(r run, capacity int) {
	r.measure(func(count int) {
		numbers := make(chan int, capacity)
		sums := make(chan int)
		go func() {
			sum := 0
			for number := range numbers {
				sum += number
			}
			sums <- sum
		}()
		for i := 0; i < count; i++ {
			numbers <- i
		}
		close(numbers)
		check(<-sums == count*(count-1)/2, "each number arrived")
	})
}

// Numbers from whichever of two channels has one.
func selectOfTwo(r run) {
	r.measure(func(count int) {
		even, odd := make(chan int), make(chan int)
		sums := make(chan int)
		go func() {
			sum := 0
			for i := 0; i < count; i++ {
				select {
				case number := <-even:
					sum += number
				case number := <-odd:
					sum += number
				}
			}
			sums <- sum
		}()
		for i := 0; i < count; i++ {
			if i%2 == 0 {
				even <- i
			} else {
				odd <- i
			}
		}
		check(<-sums == count*(count-1)/2, "each number arrived")
	})
}

func mutex(r run) {
	var lock sync.Mutex
	r.measure(func(count int) {
		for i := 0; i < count; i++ {
			lock.Lock()
			lock.Unlock()
		}
	})
}

// Two that each hold the lock while the other one gets in line.
func mutexContended(r run) {
	var lock sync.Mutex
	r.measure(func(count int) {
		var group sync.WaitGroup
		group.Add(2)
		locked := 0
		for w := 0; w < 2; w++ {
			go func() {
				for i := 0; i < count/2; i++ {
					lock.Lock()
					locked++
					runtime.Gosched()
					lock.Unlock()
				}
				group.Done()
			}()
		}
		group.Wait()
		check(locked == count/2*2, "each locking happened")
	})
}

func statusBytes(field string) int {
	file, _ := os.Open("/proc/self/status")
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if words := strings.Fields(lines.Text()); words[0] == field {
			kib, _ := strconv.Atoi(words[1])
			return kib * 1024
		}
	}
	return 0
}

func taken() int { return statusBytes("VmRSS:") + statusBytes("VmPTE:") }

func sleepers(r run) {
	before := taken()
	r.measureCold(func() {
		var group sync.WaitGroup
		group.Add(r.operations)
		for i := 0; i < r.operations; i++ {
			go func(i int) {
				time.Sleep(time.Duration(i*7919%1000+1) * time.Millisecond)
				group.Done()
			}(i)
		}
		group.Wait()
	})
	fmt.Println("bytes", float64(taken()-before)/float64(r.operations))
}

func suspended(r run) {
	before := taken()
	r.measureCold(func() {
		var group sync.WaitGroup
		group.Add(r.operations)
		waiting := make(chan int)
		for i := 0; i < r.operations; i++ {
			go func() {
				<-waiting
				group.Done()
			}()
		}
		runtime.Gosched()
		fmt.Println("bytes", float64(taken()-before)/float64(r.operations))
		close(waiting)
		group.Wait()
	})
}

// Reads of 4 KiB from a file that is in the page cache.
// The sum of size numbers from first on, by a tree with ten goroutines below each.
func sumOf(to chan int, first, size int) {
	if size == 1 {
		to <- first
		return
	}
	parts := make(chan int)
	for child := 0; child < 10; child++ {
		go sumOf(parts, first+child*size/10, size/10)
	}
	sum := 0
	for child := 0; child < 10; child++ {
		sum += <-parts
	}
	to <- sum
}

func skynet(r run) {
	sum := 0
	r.measureCold(func() {
		result := make(chan int)
		go sumOf(result, 0, r.operations)
		sum = <-result
	})
	check(sum == r.operations*(r.operations-1)/2, "the sum is right")
}

func fileRead(r run) {
	file, err := os.Open(os.Getenv("BENCH_FILE"))
	check(err == nil, "the file is there")
	info, _ := file.Stat()
	blocks := int(info.Size() / 4096)
	buffer := make([]byte, 4096)
	r.measure(func(count int) {
		for i := 0; i < count; i++ {
			block := i % blocks
			n, _ := file.ReadAt(buffer, int64(block)*4096)
			check(n == 4096 && buffer[0] == byte(block), "the block is the right one")
		}
	})
}

func main() {
	tests := map[string]func(run){
		"round-trip": roundTrip, "spawn": spawn, "spawn-join": spawnJoin,
		"channel":          func(r run) { channel(r, 0) },
		"channel-buffered": func(r run) { channel(r, 100) }, "select": selectOfTwo,
		"mutex": mutex, "mutex-contended": mutexContended, "sleepers": sleepers,
		"suspended": suspended, "file-read": fileRead, "skynet": skynet,
	}
	if len(os.Args) == 2 && os.Args[1] == "echo" {
		echo()
		return
	}
	operations, _ := strconv.Atoi(os.Args[2])
	tests[os.Args[1]](run{operations})
}
