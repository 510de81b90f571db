// dotnet new console, and this as Program.cs
using System;
using System.IO;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text;
using System.Threading.Tasks;

public static class Program
{
    public static void Main()
    {
        Ask().GetAwaiter().GetResult();
    }

    private static async Task Ask()
    {
        var key = Environment.GetEnvironmentVariable("SLIPWAY_API_KEY");
        var body = @"{
            ""model"": ""{{ model }}"",
            ""messages"": [{""role"": ""user"", ""content"": ""Hello""}],
            ""max_tokens"": 100,
            ""stream"": true
        }";
        using (var client = new HttpClient())
        using (var request = new HttpRequestMessage(
            HttpMethod.Post, "{{ base }}/chat/completions"))
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
            using (var answer = await client.SendAsync(
                request, HttpCompletionOption.ResponseHeadersRead))
            {
                answer.EnsureSuccessStatusCode();
                using (var stream = await answer.Content.ReadAsStreamAsync())
                using (var lines = new StreamReader(stream))
                {
                    string line;
                    while ((line = await lines.ReadLineAsync()) != null)
                    {
                        Console.WriteLine(line); // data: {...}, at the end data: [DONE]
                    }
                }
            }
        }
    }
}
