// g++ -std=c++17 chat.cpp -o chat -lcurl
#include <curl/curl.h>

#include <cstdlib>
#include <iostream>
#include <string>

static size_t print(char *data, size_t size, size_t count, void *) {
    std::cout.write(data, static_cast<std::streamsize>(size * count)).flush();
    return size * count;
}

int main() {
    const char *key = std::getenv("SLIPWAY_API_KEY");
    if (key == nullptr) {
        std::cerr << "SLIPWAY_API_KEY is not set\n";
        return 1;
    }
    const std::string body = R"({
        "model": "{{ model }}",
        "messages": [{"role": "user", "content": "Hello"}],
        "max_tokens": 100,
        "stream": true
    })";
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL *curl = curl_easy_init();
    curl_slist *headers = nullptr;
    headers = curl_slist_append(headers, ("Authorization: Bearer " + std::string(key)).c_str());
    headers = curl_slist_append(headers, "Content-Type: application/json");
    curl_easy_setopt(curl, CURLOPT_URL, "{{ base }}/chat/completions");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.c_str());
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, print);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    const CURLcode result = curl_easy_perform(curl);
    if (result != CURLE_OK) {
        std::cerr << curl_easy_strerror(result) << "\n";
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    curl_global_cleanup();
    return result == CURLE_OK ? 0 : 1;
}
